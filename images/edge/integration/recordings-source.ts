import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { withCaptions } from '@sluice/transcoder/integration/captions.ts';

const CLIP = join(import.meta.dirname, '../../../test/demo-source/big-buck-bunny.mp4');
const run = promisify(execFile);
/** Pictures per second. */
export const FRAME_RATE = 25;
/** Of a segment, which begins with a keyframe. */
export const SEGMENT_SECONDS = 2;
/** Of the film: more than a recording lists at once, so that it has to be played. */
export const FILM_SECONDS = 16;
/** Of the film with captions: until rungs are listed three segments must have come in time, and one more is behind them. */
export const CAPTIONED_SECONDS = 28;

/** One variant whose pictures have captions, as its playlist says. */
const CAPTIONED = `#EXTM3U
#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="English",LANGUAGE="en",INSTREAM-ID="CC1",AUTOSELECT=YES
#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=320x180,CLOSED-CAPTIONS="cc"
`;

/** Sends a file, or the part of it that is asked for (RFC 9110 14.2). @param asked the request's Range */
export function sendPart(path: string, asked: string | undefined, response: ServerResponse): void {
  const { size } = statSync(path);
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(asked ?? '') ?? [];
  const start = Number(first ?? 0);
  const end = last === undefined || last === '' ? size - 1 : Math.min(size - 1, Number(last));
  const range = first === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${size}` };
  response.writeHead(first === undefined ? 200 : 206, { 'content-length': end - start + 1, ...range });
  createReadStream(path, { start, end })
    .on('error', () => response.destroy())
    .pipe(response);
}

/** Recordings that a real FFmpeg has written, behind a server that knows ranges and any page may read. */
export class Recordings {
  readonly requests: string[] = [];
  readonly #folder: string;
  readonly #server: Server;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = createServer((incoming, response) => {
      const name = basename(incoming.url ?? '');
      this.requests.push(name);
      response.setHeader('access-control-allow-origin', '*');
      if (existsSync(join(folder, name))) sendPart(join(folder, name), incoming.headers.range, response);
      else response.writeHead(404).end();
    });
  }

  /** Recordings of 16 s: `secret`, `parts` and `twice`. */
  static async start(): Promise<Recordings> {
    const source = await Recordings.#open();
    const file = (name: string): string => join(source.#folder, name);
    await source.#encode('film.mp4', FILM_SECONDS, ['-bf', '2']);
    await writeFile(file('key'), Buffer.alloc(16, 7));
    await writeFile(file('key.txt'), `key\n${file('key')}\n`);
    const write = (words: readonly string[], name: string): Promise<unknown> => {
      const output = ['-hls_time', '2', '-hls_list_size', '0', ...words, file(name)];
      return run('ffmpeg', ['-v', 'error', '-i', file('film.mp4'), '-c', 'copy', '-f', 'hls', ...output]);
    };
    const named = (name: string): string[] => ['-hls_segment_filename', file(name)];
    await write([...named('clear%d.ts')], 'clear.m3u8');
    await write([...named('secret%d.ts'), '-hls_key_info_file', file('key.txt')], 'secret.m3u8');
    await write([...named('all.ts'), '-hls_flags', 'single_file'], 'parts.m3u8');
    await source.#writeTwice();
    return source;
  }

  /** Recordings of {@link CAPTIONED_SECONDS} with captions and dates: `ts.m3u8` and `fmp4.m3u8`, each with one variant. */
  static async withCaptions(): Promise<Recordings> {
    const source = await Recordings.#open();
    // Of B-frames beside sound in fragmented MP4 Shaka Player loses pictures, whoever sends them.
    await Promise.all([source.#writeCaptioned('ts', 'mpegts', '2'), source.#writeCaptioned('fmp4', 'fmp4', '0')]);
    return source;
  }

  static async #open(): Promise<Recordings> {
    const source = new Recordings(await mkdtemp(join(tmpdir(), 'sluice-recordings-')));
    source.#server.listen(0, '127.0.60.9');
    await once(source.#server, 'listening');
    return source;
  }

  url(name: string): string {
    return `http://127.0.60.9:${(this.#server.address() as AddressInfo).port}/${name}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.#folder, { recursive: true });
  }

  /** Makes a film of the clip. @param words of its output, besides codecs and size */
  async #encode(name: string, seconds: number, words: readonly string[]): Promise<void> {
    const clip = ['-v', 'error', '-stream_loop', '-1', '-i', CLIP, '-t', `${seconds}`, '-r', `${FRAME_RATE}`];
    const keyframes = ['-g', `${SEGMENT_SECONDS * FRAME_RATE}`, '-sc_threshold', '0'];
    const coding = ['-vf', 'scale=320:180', '-preset', 'ultrafast', ...keyframes, '-c:v', 'libx264', '-c:a', 'aac'];
    await run('ffmpeg', [...clip, ...coding, ...words, join(this.#folder, name)]);
  }

  async #writeCaptioned(name: string, segments: 'mpegts' | 'fmp4', successiveB: string): Promise<void> {
    const file = (ending: string): string => join(this.#folder, `${name}${ending}`);
    const fragments = ['-movflags', '+frag_keyframe+empty_moov+default_base_moof'];
    await this.#encode(`${name}-plain.mp4`, CAPTIONED_SECONDS, ['-bf', successiveB, ...fragments]);
    await writeFile(file('-film.mp4'), withCaptions(await readFile(file('-plain.mp4'))));
    const list = ['-hls_time', `${SEGMENT_SECONDS}`, '-hls_list_size', '0', '-hls_flags', 'program_date_time'];
    const kind = ['-hls_segment_type', segments, '-hls_fmp4_init_filename', `${name}-init.mp4`];
    const names = ['-hls_segment_filename', file(segments === 'fmp4' ? '%d.m4s' : '%d.ts'), file('-media.m3u8')];
    await run('ffmpeg', [
      '-v',
      'error',
      '-i',
      file('-film.mp4'),
      '-c',
      'copy',
      '-f',
      'hls',
      ...list,
      ...kind,
      ...names,
    ]);
    await writeFile(file('.m3u8'), `${CAPTIONED}${name}-media.m3u8\n`);
  }

  /** The end of the film, and then its beginning, with ad markers around the joint. */
  async #writeTwice(): Promise<void> {
    const [head = '', ...segments] = (await readFile(join(this.#folder, 'clear.m3u8'), 'utf8')).split('#EXTINF');
    const lines = segments.map((segment) => `#EXTINF${segment.replace('#EXT-X-ENDLIST\n', '')}`);
    const [end, beginning] = [lines.slice(-4), lines.slice(0, 4)];
    const joint = ['#EXT-X-CUE-OUT:8\n', '#EXT-X-DISCONTINUITY\n'];
    const text = [head, ...end, ...joint, ...beginning, '#EXT-X-ENDLIST\n'].join('');
    await writeFile(join(this.#folder, 'twice.m3u8'), text);
  }
}
