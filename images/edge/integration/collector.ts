import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Poll, pollViolations } from '@sluice/test/viewer/invariants.ts';
import { type MediaPlaylist, type PlaylistEntry, parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { request } from 'undici';
import { ANY_RHYTHM, text } from './playing.ts';
import { until } from './programs.ts';

const run = promisify(execFile);
/** Between two polls: a quarter of the target duration of films. */
const POLL_MILLISECONDS = 500;

/** A viewer who takes every segment that is listed, once, and keeps what it got. */
export class Collector {
  readonly #url: string;
  readonly #polls: Poll[] = [];
  readonly #entries = new Map<number, PlaylistEntry>();
  readonly #bytes = new Map<number, Buffer>();
  readonly #stopping = new AbortController();
  readonly #collecting: Promise<void>;

  /** @param url of a media playlist that there is; it is polled from now on */
  constructor(url: string) {
    this.#url = url;
    this.#collecting = this.#collect();
    // Who waits for something is told at once.
    this.#collecting.catch(() => this.#stopping.abort());
  }

  /** Everything that was listed so far, oldest first. */
  get entries(): readonly PlaylistEntry[] {
    return [...this.#entries.values()];
  }

  get newest(): MediaPlaylist | undefined {
    return this.#polls.at(-1)?.playlist;
  }

  /** What a segment consists of; undefined for a gap. */
  bytesOf({ msn }: PlaylistEntry): Buffer | undefined {
    return this.#bytes.get(msn);
  }

  /** Waits until what was listed is so. */
  async sees(what: string, seconds: number, isTrue: (entries: readonly PlaylistEntry[]) => boolean): Promise<void> {
    await until(what, seconds, () => {
      this.#stopping.signal.throwIfAborted();
      return isTrue(this.entries);
    });
  }

  /** Ends. Fails where any poll broke a rule of RFC 8216bis. @returns how many polls there were */
  async stop(): Promise<number> {
    this.#stopping.abort();
    await this.#collecting;
    assert.deepEqual(pollViolations(this.#polls, ANY_RHYTHM), []);
    return this.#polls.length;
  }

  async #collect(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const playlist = parseMediaPlaylist(await text(this.#url));
      this.#polls.push({ playlist, atMilliseconds: performance.now() });
      for (const entry of playlist.entries) {
        if (this.#entries.has(entry.msn)) continue;
        if (!entry.gap) this.#bytes.set(entry.msn, await this.#fetch(entry));
        this.#entries.set(entry.msn, entry);
      }
      await sleep(POLL_MILLISECONDS);
    }
  }

  async #fetch({ uri }: PlaylistEntry): Promise<Buffer> {
    const answer = await request(new URL(uri, this.#url));
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    assert.equal(answer.statusCode, 200, `${uri}: ${bytes.toString('utf8', 0, 200)}`);
    return bytes;
  }
}

/** Entries in runs without a gap or a break of timestamps between them, without the gaps. */
export function stretches(entries: readonly PlaylistEntry[]): readonly (readonly PlaylistEntry[])[] {
  const found: PlaylistEntry[][] = [];
  let goesOn = false;
  for (const entry of entries) {
    if (entry.gap) goesOn = false;
    else if (goesOn && !entry.discontinuity) found.at(-1)?.push(entry);
    else found.push([entry]);
    goesOn = !entry.gap;
  }
  return found;
}

/** Decodes segments of MPEG-TS as one file. @returns frames; fails on any warning */
export async function framesOf(segments: readonly Buffer[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-stretch-'));
  try {
    const file = join(folder, 'film.ts');
    await writeFile(file, Buffer.concat(segments));
    const words = [
      '-v',
      'warning',
      '-nostdin',
      '-i',
      file,
      '-f',
      'null',
      '-fps_mode',
      'passthrough',
      '-progress',
      '-',
      '-',
    ];
    const { stdout, stderr } = await run('ffmpeg', words, { timeout: 60_000 });
    assert.equal(stderr, '', 'FFmpeg warns of nothing');
    return Number([...stdout.matchAll(/^frame=(\d+)/gm)].at(-1)?.[1] ?? 0);
  } finally {
    await rm(folder, { recursive: true });
  }
}
