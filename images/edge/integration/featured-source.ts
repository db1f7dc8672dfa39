import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { PARTED } from './film-variants.ts';
import { FRAME_RATE } from './live-film.ts';
import { LiveFolder } from './live-folder.ts';
import { sendPart } from './recordings-source.ts';

const CLIP = join(import.meta.dirname, '../../../test/demo-source/big-buck-bunny.mp4');
const run = promisify(execFile);

/** Of every segment, which begins with a keyframe. */
const FEATURED_SECONDS = 1;
/** Pictures of every segment. */
export const FEATURED_FRAMES = FEATURED_SECONDS * FRAME_RATE;
/** EXT-X-TARGETDURATION in seconds at the beginning, which a channel keeps. */
export const FEATURED_TARGET_SECONDS = 3;
/** Two films with timestamps of their own, played in turns; how many segments each has. */
const FILMS = ['one', 'two'] as const;
const FILM_SEGMENTS = 8;
/** Of the first film: what the source does not have. Before it and behind it are enough segments for rungs. */
const GAP_PLACE = 3;
/** Of the second film: an ad of two segments. */
const AD_PLACE = FILM_SEGMENTS + 5;
/** Segments listed at once: more than a busy machine loses sight of. */
const LISTED_SEGMENTS = 20;
/** Segments that are there at the start. */
const FIRST_SEGMENTS = 8;
/** The first number, so that those of a new encoder, from 0 on, are others. */
const FIRST_MSN = 1_000;
const FIRST_DATE = Date.parse('2026-01-01T00:00:00Z');

/** What the source says of one of its segments. */
export interface FeaturedSegment {
  /** Its film begins here. */
  readonly discontinuity: boolean;
  readonly gap: boolean;
  /** Lines in front of it. */
  readonly markers: readonly string[];
}

/** An encoder, from its first segment on: how many segments there were before it, and its first number. */
interface Encoder {
  readonly begins: number;
  readonly firstMsn: number;
}

const dateOf = (count: number): string => new Date(FIRST_DATE + count * FEATURED_SECONDS * 1000).toISOString();

/**
 * A live low-latency source of 1 s segments which are parts of files: with dates, ad markers, gaps, and a discontinuity
 * wherever one film follows the other, without an end.
 */
export class FeaturedSource {
  /** EXT-X-TARGETDURATION in seconds from now on. */
  targetDurationSeconds = FEATURED_TARGET_SECONDS;
  readonly #folder: LiveFolder;
  readonly #startedAt = performance.now();
  /** `EXTINF`, `EXT-X-BYTERANGE` and name of each segment, film by film. */
  readonly #segments: readonly string[];
  #encoders: readonly Encoder[] = [{ begins: 0, firstMsn: FIRST_MSN }];

  private constructor(folder: LiveFolder, segments: readonly string[]) {
    this.#folder = folder;
    this.#segments = segments;
  }

  /** @param address of its server, on loopback */
  static async start(address: string): Promise<FeaturedSource> {
    let answer: ((asked: string, response: ServerResponse) => void) | null = null;
    const folder = await LiveFolder.open(address, (_folder, ...asked) => answer?.(...asked));
    try {
      const films = await Promise.all(FILMS.map((name, place) => film(folder.path, name, place)));
      const source = new FeaturedSource(folder, films.flat());
      answer = (...asked) => source.#answer(...asked);
      return source;
    } catch (error) {
      await folder.stop();
      throw error;
    }
  }

  get url(): string {
    return this.#folder.url('index.m3u8');
  }

  /** Paths and queries that were asked for. */
  get requests(): readonly string[] {
    return this.#folder.requests;
  }

  /** Another encoder goes on: its numbers begin at 0, its files are others, and nothing of the one before is listed. */
  restart(): void {
    this.#encoders = [...this.#encoders, { begins: this.#count, firstMsn: 0 }];
  }

  /** Whether segments of these dates are of different encoders. */
  areApart(one: string | null, other: string | null): boolean {
    return this.#encoderOf(countOf(one)) !== this.#encoderOf(countOf(other));
  }

  /** What is said of the segment with this EXT-X-PROGRAM-DATE-TIME. */
  segmentAt(dateTime: string | null): FeaturedSegment {
    const count = countOf(dateTime);
    return featuresOf(count, this.#placeOf(count));
  }

  stop(): Promise<void> {
    return this.#folder.stop();
  }

  /** Segments that there have been so far. */
  get #count(): number {
    return FIRST_SEGMENTS + Math.floor((performance.now() - this.#startedAt) / (FEATURED_SECONDS * 1000));
  }

  #encoderOf(count: number): number {
    return this.#encoders.findLastIndex(({ begins }) => begins <= count);
  }

  #placeOf(count: number): number {
    return (count - (this.#encoders[this.#encoderOf(count)]?.begins ?? 0)) % this.#segments.length;
  }

  #answer(asked: string, response: ServerResponse): void {
    const name = basename(asked);
    if (name === 'index.m3u8') {
      response.setHeader('content-type', 'application/vnd.apple.mpegurl').end(PARTED.rewrite(this.#playlist()));
    } else if (FILMS.some((film) => name === `${film}.ts`)) {
      sendPart(join(this.#folder.path, name), response.req.headers.range, response);
    } else {
      response.writeHead(404).end();
    }
  }

  #playlist(): string {
    const current = this.#encoders.length - 1;
    const { begins, firstMsn } = this.#encoders[current] ?? { begins: 0, firstMsn: 0 };
    // A new encoder is there with its first segment.
    const end = Math.max(this.#count, begins + 1);
    const first = Math.max(begins, end - LISTED_SEGMENTS);
    const counts = Array.from({ length: end - first }, (_, index) => first + index);
    const breaks = Math.ceil((first - begins) / FILM_SEGMENTS);
    const head = `#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:${this.targetDurationSeconds}\n`;
    const numbers = `#EXT-X-MEDIA-SEQUENCE:${firstMsn + first - begins}\n#EXT-X-DISCONTINUITY-SEQUENCE:${breaks}\n`;
    return head + numbers + counts.map((count) => this.#lines(count, current)).join('');
  }

  #lines(count: number, encoder: number): string {
    const place = this.#placeOf(count);
    const { discontinuity, gap, markers } = featuresOf(count, place);
    const segment = (this.#segments[place] ?? '').replace(/(?=^\w+\.ts)/m, `${encoder}/`);
    const tags = [
      ...(discontinuity ? ['#EXT-X-DISCONTINUITY'] : []),
      `#EXT-X-PROGRAM-DATE-TIME:${dateOf(count)}`,
      ...markers,
      ...(gap ? ['#EXT-X-GAP'] : []),
    ];
    return `${tags.join('\n')}\n${segment}`;
  }
}

function countOf(dateTime: string | null): number {
  return (Date.parse(dateTime ?? '') - FIRST_DATE) / (FEATURED_SECONDS * 1000);
}

/** @param place of the segment in both films */
function featuresOf(count: number, place: number): FeaturedSegment {
  const markers: Readonly<Record<number, readonly string[]>> = {
    [AD_PLACE]: [
      `#EXT-X-DATERANGE:ID="ad-${count}",START-DATE="${dateOf(count)}",DURATION=2.0`,
      '#EXT-X-CUE-OUT:2.000',
    ],
    [AD_PLACE + 2]: ['#EXT-X-CUE-IN'],
  };
  return { discontinuity: place % FILM_SEGMENTS === 0, gap: place === GAP_PLACE, markers: markers[place] ?? [] };
}

/** Encodes a film into one file. @returns lines of each of its segments */
async function film(folder: string, name: string, place: number): Promise<readonly string[]> {
  const seconds = FILM_SEGMENTS * FEATURED_SECONDS;
  const clip = ['-v', 'error', '-nostdin', '-stream_loop', '-1', '-i', CLIP, '-t', `${seconds}`, '-r', `${FRAME_RATE}`];
  const pictures = [
    '-vf',
    'scale=320:180',
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-bf',
    '2',
    '-g',
    `${FEATURED_FRAMES}`,
  ];
  const coding = [
    ...pictures,
    '-sc_threshold',
    '0',
    '-c:a',
    'aac',
    '-ac',
    '2',
    '-output_ts_offset',
    `${1_000 * place}`,
  ];
  const list = ['-f', 'hls', '-hls_time', `${FEATURED_SECONDS}`, '-hls_list_size', '0', '-hls_flags', 'single_file'];
  const playlist = join(folder, `${name}.m3u8`);
  await run('ffmpeg', [...clip, ...coding, ...list, '-hls_segment_filename', join(folder, `${name}.ts`), playlist]);
  const segments = (await readFile(playlist, 'utf8'))
    .replace(/^#EXT-X-ENDLIST\n/m, '')
    .split(/^(?=#EXTINF)/m)
    .slice(1);
  if (segments.length !== FILM_SEGMENTS) throw new Error(`${segments.length} segments of the film ${name}`);
  return segments;
}
