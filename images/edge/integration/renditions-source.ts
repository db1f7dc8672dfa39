import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { NO_LONGER } from './all-modes.ts';
import { endingWithParent } from './ending-with-parent.ts';
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

/** One cue, about where FFmpeg's segment of this number begins. */
function subtitlesOf(msn: number): string {
  const ticks = Math.round((2 * msn + 1.4) * 90_000);
  return `WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:${ticks}\n\n00:00.200 --> 00:01.800\nSegment ${msn}\n`;
}

/** Live HLS of several renditions that a real FFmpeg writes; subtitles are made of the first one's numbers. */
export class RenditionsSource {
  readonly requests: string[] = [];
  readonly #folder: string;
  readonly #kind: SourceKind;
  readonly #server: Server;
  #encoder: ChildProcess | null = null;

  private constructor(folder: string, kind: SourceKind) {
    this.#folder = folder;
    this.#kind = kind;
    this.#server = createServer((incoming, response) => {
      const path = (incoming.url ?? '').slice(1);
      this.requests.push(path);
      response.setHeader('access-control-allow-origin', '*');
      void this.#answer(path, response).catch(() => response.destroy());
    });
  }

  /** Starts FFmpeg; resolves when four segments are listed. */
  static async start(kind: SourceKind): Promise<RenditionsSource> {
    const { segments, streams } = kind;
    const source = new RenditionsSource(await mkdtemp(join(tmpdir(), 'sluice-source-')), kind);
    const folder = source.#folder;
    await chmod(folder, 0o755);
    const film = join(folder, 'film.mp4');
    const sizes = ['-filter_complex', '[0:v]split=2[a][b];[a]scale=320:180[high];[b]scale=160:90[low]'];
    const coding = ['-r', '25', '-preset', 'ultrafast', '-bf', '2', '-g', '50', '-sc_threshold', '0', '-c:a', 'aac'];
    const maps = ['-map', '[high]', '-map', '[low]', '-map', '0:a', '-map', '0:a'];
    await run('ffmpeg', ['-v', 'error', '-i', CLIP, '-t', '4', ...sizes, ...maps, ...coding, ...NO_LONGER, film]);
    const output = [
      '-hls_time',
      '2',
      '-hls_list_size',
      '8',
      '-hls_delete_threshold',
      '12',
      '-master_pl_name',
      'main.m3u8',
    ];
    const flags = ['-hls_flags', 'delete_segments+program_date_time+temp_file', '-hls_segment_type', segments];
    const endless = ['-v', 'error', '-nostdin', '-re', '-stream_loop', '-1', '-i', film, '-map', '0', '-c', 'copy'];
    const names = ['-hls_segment_filename', join(folder, `%v/%d.${segments === 'fmp4' ? 'm4s' : 'ts'}`)];
    const live = [
      '-f',
      'hls',
      ...output,
      ...flags,
      '-var_stream_map',
      streams,
      ...names,
      join(folder, '%v/index.m3u8'),
    ];
    const [command, ...rest] = endingWithParent(['ffmpeg', ...endless, ...live]);
    source.#encoder = spawn(command, rest, { stdio: 'ignore' });
    source.#server.listen(0, ADDRESS);
    await once(source.#server, 'listening');
    const fourth = segments === 'fmp4' ? '3.m4s' : '3.ts';
    await until('the source has four segments', 40, () => existsSync(join(folder, 'low', fourth)));
    return source;
  }

  get url(): string {
    return `http://${ADDRESS}:${(this.#server.address() as AddressInfo).port}/main.m3u8`;
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    const file = join(this.#folder, path);
    if (path === 'main.m3u8') {
      const main = await readFile(file, 'utf8');
      response.end(
        main
          .replace('#EXT-X-STREAM-INF', `${SUBTITLES}#EXT-X-STREAM-INF`)
          .replaceAll(/(BANDWIDTH=.*)/g, '$1,SUBTITLES="subs"'),
      );
    } else if (path === 'subs.m3u8') {
      const high = await readFile(join(this.#folder, 'high/index.m3u8'), 'utf8');
      const lines = high.split('\n').filter((line) => !line.startsWith('#EXT-X-MAP'));
      response.end(this.#renumbered(path, lines.join('\n').replaceAll(/^(\d+)\.(?:m4s|ts)$/gm, '$1.vtt')));
    } else if (path.endsWith('.vtt')) {
      response.end(subtitlesOf(Number.parseInt(path, 10)));
    } else if (path.endsWith('.m3u8') && existsSync(file)) {
      response.end(this.#renumbered(path, await readFile(file, 'utf8')));
    } else if (this.#laterBy(path) > 0 && existsSync(file)) {
      const next = join(this.#folder, dirname(path), `${Number.parseInt(basename(path), 10) + 1}.ts`);
      response.end(cutLater(await readFile(file), await readFile(next), this.#laterBy(path)));
    } else if (existsSync(file)) {
      createReadStream(file)
        .on('error', () => response.destroy())
        .pipe(response);
    } else {
      response.writeHead(404).end();
    }
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

  /** Ends FFmpeg and removes its files. */
  async stop(): Promise<void> {
    if (this.#encoder?.exitCode === null && this.#encoder.signalCode === null) {
      this.#encoder.kill('SIGKILL');
      await once(this.#encoder, 'exit');
    }
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.#folder, { recursive: true });
  }
}
