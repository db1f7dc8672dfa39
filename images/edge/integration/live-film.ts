import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endingWithParent } from './ending-with-parent.ts';
import { until } from './programs.ts';

/** Frames per second. */
export const FRAME_RATE = 25;
/** Of a segment, which begins with a keyframe. */
export const SEGMENT_SECONDS = 2;

/** The same film as another source could send it, in a folder of its own. */
export interface Variant {
  /** The playlist that FFmpeg writes, as this source's. */
  readonly rewrite: (playlist: string) => string;
  /** Whether a file is not to be had here. */
  readonly withholds?: (name: string) => boolean;
}

const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-sc_threshold', '0', '-pix_fmt', 'yuv420p'];

/** Live HLS of a film without an end, which a real FFmpeg encodes, behind a server that any page may read. */
export class LiveFilm {
  /** Every request: its path and query. */
  readonly requests: string[] = [];
  readonly #folder: string;
  readonly #variants: Readonly<Record<string, Variant>>;
  readonly #server: Server;
  #encoder: ChildProcess | null = null;
  #runs = 0;

  private constructor(folder: string, variants: Readonly<Record<string, Variant>>) {
    this.#folder = folder;
    this.#variants = variants;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  /** Resolves when it has as many segments as a live playlist has to have, and some more. */
  static async start(address: string, variants: Readonly<Record<string, Variant>> = {}): Promise<LiveFilm> {
    const film = new LiveFilm(await mkdtemp(join(tmpdir(), 'sluice-live-')), variants);
    await chmod(film.#folder, 0o755);
    film.#server.listen(0, address);
    await once(film.#server, 'listening');
    await film.encode();
    await until('the film has four segments', 60, () => existsSync(join(film.#folder, 'a3.ts')));
    return film;
  }

  /** URL of the playlist of a variant; of the film as it is, if it has no such variant. */
  url(variant = 'plain'): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}/${variant}/index.m3u8`;
  }

  /**
   * Encodes from here on; an FFmpeg that did is killed, and the numbers of the new one begin at 0, as its timestamps do.
   * @param segmentSeconds of the new one
   */
  async encode(segmentSeconds = SEGMENT_SECONDS): Promise<void> {
    await this.#end();
    const prefix = String.fromCharCode('a'.charCodeAt(0) + this.#runs);
    this.#runs += 1;
    const pictures = ['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=${FRAME_RATE}`];
    const sound = ['-f', 'lavfi', '-i', 'sine=beep_factor=2'];
    const coding = [...H264, '-g', String(FRAME_RATE * segmentSeconds), '-c:a', 'aac', '-ac', '2'];
    const list = [
      '-f',
      'hls',
      '-hls_time',
      String(segmentSeconds),
      '-hls_list_size',
      '10',
      '-hls_delete_threshold',
      '20',
    ];
    const flags = ['-hls_flags', 'delete_segments+program_date_time+temp_file'];
    const names = ['-hls_segment_filename', join(this.#folder, `${prefix}%d.ts`), join(this.#folder, 'index.m3u8')];
    const input = ['-v', 'error', '-nostdin', '-re', ...pictures, '-re', ...sound];
    const [command, ...words] = endingWithParent(['ffmpeg', ...input, ...coding, ...list, ...flags, ...names]);
    this.#encoder = spawn(command, words, { stdio: 'ignore' });
  }

  async stop(): Promise<void> {
    await this.#end();
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.#folder, { recursive: true });
  }

  async #end(): Promise<void> {
    if (this.#encoder?.exitCode !== null || this.#encoder.signalCode !== null) return;
    const ended = once(this.#encoder, 'exit');
    this.#encoder.kill('SIGKILL');
    await ended;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests.push(request.url ?? '');
    const [, folder = '', name = ''] = /^\/([^/]+)\/([^/?]+)/.exec(request.url ?? '') ?? [];
    const { rewrite = (text: string) => text, withholds = () => false } = this.#variants[folder] ?? {};
    response.setHeader('access-control-allow-origin', '*');
    if (name === '' || withholds(name)) response.writeHead(404).end();
    else if (name === 'index.m3u8') this.#sendPlaylist(rewrite, response);
    else
      createReadStream(join(this.#folder, name))
        .on('error', () => (response.headersSent ? response.destroy() : response.writeHead(404).end()))
        .pipe(response);
  }

  #sendPlaylist(rewrite: Variant['rewrite'], response: ServerResponse): void {
    readFile(join(this.#folder, 'index.m3u8'), 'utf8').then(
      (text) => response.setHeader('content-type', 'application/vnd.apple.mpegurl').end(rewrite(text)),
      () => response.writeHead(404).end(),
    );
  }
}
