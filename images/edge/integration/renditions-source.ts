import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { SEAMLESS } from './all-modes.ts';
import { LiveFolder } from './live-folder.ts';
import { cutLater } from './other-cuts.ts';
import { until } from './programs.ts';

const CLIP = join(import.meta.dirname, '../../../test/demo-source/big-buck-bunny.mp4');
const ADDRESS = '127.0.60.9';
const run = promisify(execFile);

/** What a source is made of. */
export interface SourceKind {
  readonly segments: 'fmp4' | 'mpegts';
  /** FFmpeg's var_stream_map of two pictures and two audio tracks. */
  readonly streams: string;
  /** Added to the numbers of playlists, by their path, which then do not mean what those of the highest picture mean. */
  readonly msnOffsets?: Readonly<Record<string, number>>;
  /** PES packets, of some 0.2 s, by which segments in these folders are cut later than those of the pictures. */
  readonly laterCuts?: Readonly<Record<string, number>>;
}

/** Two pictures with two languages apart, for FFmpeg. */
export const TWO_PICTURES_TWO_LANGUAGES =
  'v:0,agroup:aud,name:high v:1,agroup:aud,name:low a:0,agroup:aud,default:yes,language:en,name:en a:1,agroup:aud,language:de,name:de';

const SUBTITLES = '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="Deutsch",LANGUAGE="de",URI="subs.m3u8"\n';

/** Where FFmpeg's timestamps begin, in seconds: those of MPEG-TS at its muxer's delay. */
const BEGINS_AT = { mpegts: 1.4, fmp4: 0 } as const;

/** One cue, about where FFmpeg's segment of this number begins. */
function subtitlesOf({ segments }: SourceKind, msn: number): string {
  const ticks = Math.round((2 * msn + BEGINS_AT[segments]) * 90_000);
  return `WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:${ticks}\n\n00:00.200 --> 00:01.800\nSegment ${msn}\n`;
}

/** Live HLS of several renditions that a real FFmpeg writes; subtitles are made of the first one's numbers. */
export class RenditionsSource {
  readonly #folder: LiveFolder;
  readonly #kind: SourceKind;

  private constructor(folder: LiveFolder, kind: SourceKind) {
    this.#folder = folder;
    this.#kind = kind;
  }

  /** Starts FFmpeg; resolves when four segments are listed. */
  static async start(kind: SourceKind): Promise<RenditionsSource> {
    const { segments, streams } = kind;
    const folder = await LiveFolder.open(ADDRESS, (_folder, path, response) => source.#answer(path, response));
    const source: RenditionsSource = new RenditionsSource(folder, kind);
    const film = join(folder.path, 'film.mp4');
    const sizes = ['-filter_complex', '[0:v]split=2[a][b];[a]scale=320:180[high];[b]scale=160:90[low]'];
    const coding = ['-r', '25', '-preset', 'ultrafast', '-bf', '2', '-g', '50', '-sc_threshold', '0', '-c:a', 'aac'];
    const maps = ['-map', '[high]', '-map', '[low]', '-map', '0:a', '-map', '0:a'];
    const clip = ['-v', 'error', '-stream_loop', '-1', '-i', CLIP];
    await run('ffmpeg', [...clip, ...sizes, ...maps, ...coding, ...SEAMLESS, film]);
    const endless = ['-v', 'error', '-nostdin', '-re', '-stream_loop', '-1', '-i', film, '-map', '0', '-c', 'copy'];
    const output = ['-f', 'hls', '-hls_time', '2', '-hls_list_size', '8', '-hls_delete_threshold', '12'];
    const flags = ['-hls_flags', 'delete_segments+program_date_time+temp_file', '-hls_segment_type', segments];
    const names = ['-hls_segment_filename', join(folder.path, `%v/%d.${segments === 'fmp4' ? 'm4s' : 'ts'}`)];
    const lists = ['-master_pl_name', 'main.m3u8', '-var_stream_map', streams, join(folder.path, '%v/index.m3u8')];
    await folder.encode([...endless, ...output, ...flags, ...names, ...lists]);
    const fourth = segments === 'fmp4' ? '3.m4s' : '3.ts';
    await until('the source has four segments', 40, () => existsSync(join(folder.path, 'low', fourth)));
    return source;
  }

  get url(): string {
    return this.#folder.url('main.m3u8');
  }

  /** Paths that were asked for. */
  get requests(): readonly string[] {
    return this.#folder.requests;
  }

  /** Ends it and removes its files. */
  stop(): Promise<void> {
    return this.#folder.stop();
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    const read = (name: string): Promise<string> => readFile(join(this.#folder.path, name), 'utf8');
    if (path === 'main.m3u8') {
      const main = await read(path);
      response.end(
        main
          .replace('#EXT-X-STREAM-INF', `${SUBTITLES}#EXT-X-STREAM-INF`)
          .replaceAll(/(BANDWIDTH=.*)/g, '$1,SUBTITLES="subs"'),
      );
    } else if (path === 'subs.m3u8') {
      const lines = (await read('high/index.m3u8')).split('\n').filter((line) => !line.startsWith('#EXT-X-MAP'));
      response.end(this.#renumbered(path, lines.join('\n').replaceAll(/^(\d+)\.(?:m4s|ts)$/gm, '$1.vtt')));
    } else if (path.endsWith('.vtt')) {
      response.end(subtitlesOf(this.#kind, Number.parseInt(path, 10)));
    } else if (path.endsWith('.m3u8')) {
      response.end(this.#renumbered(path, await read(path)));
    } else if (this.#laterBy(path) > 0) {
      response.end(await this.#laterCut(path));
    } else {
      this.#folder.send(path, response);
    }
  }

  async #laterCut(path: string): Promise<Buffer> {
    const read = (name: string): Promise<Buffer> => readFile(join(this.#folder.path, name));
    const next = join(dirname(path), `${Number.parseInt(basename(path), 10) + 1}.ts`);
    return cutLater(await read(path), await read(next), this.#laterBy(path));
  }

  #laterBy(path: string): number {
    return this.#kind.laterCuts?.[dirname(path)] ?? 0;
  }

  #renumbered(path: string, playlist: string): string {
    const added = this.#kind.msnOffsets?.[path] ?? 0;
    // What is cut later needs the segment behind it.
    const listed = this.#laterBy(path) === 0 ? playlist : playlist.slice(0, playlist.lastIndexOf('#EXTINF'));
    return listed.replace(/(#EXT-X-MEDIA-SEQUENCE:)(\d+)/, (_, tag, msn) => `${tag}${Number(msn) + added}`);
  }
}
