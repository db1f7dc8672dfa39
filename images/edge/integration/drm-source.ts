import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Encryption, encryptedInit, encryptedSegment, type Scheme } from './common-encryption.ts';

const CLIP = join(import.meta.dirname, '../../../test/demo-source/big-buck-bunny.mp4');
const ADDRESS = '127.0.60.10';
const run = promisify(execFile);

/** Samples of a segment are fewer than this: no two of the film are encrypted with one vector. */
const SAMPLES_PER_SEGMENT = 10_000n;

const hex = (bytes: number, first: number): Buffer => Buffer.from(Array.from({ length: bytes }, (_, at) => first + at));

/** METHOD of EXT-X-KEY (RFC 8216bis 4.4.4.4). */
const METHODS = { cenc: 'SAMPLE-AES-CTR', cbcs: 'SAMPLE-AES' } as const;

/** How each film is encrypted. */
export const ENCRYPTIONS: Readonly<Record<Scheme, Encryption>> = {
  cenc: { scheme: 'cenc', key: hex(16, 16), keyId: hex(16, 64), vector: hex(16, 96) },
  cbcs: { scheme: 'cbcs', key: hex(16, 32), keyId: hex(16, 80), vector: hex(16, 112) },
};

/** EXT-X-KEY of a film for FairPlay, whose URI no browser asks for. */
export const FAIRPLAY_LINE =
  '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://film/1",KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"';

const base64url = (bytes: Buffer): string => bytes.toString('base64url');

/**
 * Recordings in fragmented MP4 by a real FFmpeg, encrypted as for DRM systems, with the server of their keys: as 16 bytes, and as
 * a licence for ClearKey (W3C Encrypted Media Extensions 9.1.4). Beside them MPEG-TS whose playlist says that it is for FairPlay:
 * what passes it on cannot know better.
 */
export class DrmSource {
  readonly #files = new Map<string, Buffer | string>();
  readonly #server: Server;
  readonly #frames: number;

  private constructor(frames: number) {
    this.#frames = frames;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** @param seconds of film, at 25 pictures per second */
  static async start(seconds: number): Promise<DrmSource> {
    const source = new DrmSource(seconds * 25);
    const folder = await mkdtemp(join(tmpdir(), 'sluice-drm-'));
    try {
      await source.#write(folder, seconds);
      source.#server.listen(0, ADDRESS);
      await once(source.#server, 'listening');
      source.#publish(await source.#read(folder));
    } finally {
      await rm(folder, { recursive: true });
    }
    return source;
  }

  /** Pictures of each film. */
  get frames(): number {
    return this.#frames;
  }

  url(name: string): string {
    return `http://${ADDRESS}:${(this.#server.address() as AddressInfo).port}/${name}`;
  }

  /** The EXT-X-KEY lines of a film. */
  keyLines(scheme: Scheme): readonly string[] {
    const method = `#EXT-X-KEY:METHOD=${METHODS[scheme]}`;
    const line = (format: string, more: string): string =>
      `${method},URI="${this.url(`${scheme}.key`)}"${more},KEYFORMAT="${format}",KEYFORMATVERSIONS="1"`;
    // hls.js takes SAMPLE-AES of the format "identity" for MPEG-TS, which it decrypts itself.
    return scheme === 'cbcs'
      ? [line('identity', `,IV=0x${ENCRYPTIONS.cbcs.vector.toString('hex')}`)]
      : [line('identity', ''), line('org.w3.clearkey', '')];
  }

  /** What the server sends under a name. */
  bytes(name: string): Buffer {
    return Buffer.from(this.#files.get(name) ?? '');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #write(folder: string, seconds: number): Promise<void> {
    const film = ['-v', 'error', '-stream_loop', '-1', '-i', CLIP, '-t', String(seconds), '-r', '25'];
    const picture = ['-vf', 'scale=320:180', '-preset', 'ultrafast', '-bf', '0', '-g', '50', '-sc_threshold', '0'];
    const coding = [...picture, '-c:v', 'libx264', '-c:a', 'aac'];
    const output = ['-f', 'hls', '-hls_time', '2', '-hls_list_size', '0', '-hls_segment_type', 'fmp4'];
    const names = ['-hls_segment_filename', join(folder, '%d.m4s'), join(folder, 'index.m3u8')];
    await run('ffmpeg', [...film, ...coding, ...output, ...names]);
    const again = ['-v', 'error', '-i', join(folder, 'index.m3u8'), '-c', 'copy', '-f', 'hls', '-hls_time', '2'];
    const others = ['-hls_list_size', '0', '-hls_segment_filename', join(folder, 'fairplay%d.ts')];
    await run('ffmpeg', [...again, ...others, join(folder, 'fairplay.m3u8')]);
  }

  async #read(folder: string): Promise<ReadonlyMap<string, Buffer>> {
    const names = await readdir(folder);
    return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)));
  }

  #publish(clear: ReadonlyMap<string, Buffer>): void {
    const init = clear.get('init.mp4') ?? Buffer.alloc(0);
    const playlist = clear.get('index.m3u8')?.toString() ?? '';
    for (const encryption of Object.values(ENCRYPTIONS)) {
      const { scheme, key, keyId } = encryption;
      this.#files.set(`${scheme}.key`, key);
      const jwk = { kty: 'oct', k: base64url(key), kid: base64url(keyId) };
      this.#files.set(`${scheme}.licence`, JSON.stringify({ keys: [jwk], type: 'temporary' }));
      this.#files.set(`${scheme}-init.mp4`, encryptedInit(init, encryption));
      for (const [name, bytes] of clear) {
        if (!name.endsWith('.m4s')) continue;
        const first = BigInt(Number.parseInt(name, 10)) * SAMPLES_PER_SEGMENT;
        this.#files.set(`${scheme}-${name}`, encryptedSegment(bytes, init, first, encryption));
      }
      this.#files.set(`${scheme}.m3u8`, this.#mediaPlaylist(playlist, scheme));
      this.#files.set(
        `${scheme}-main.m3u8`,
        `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=500000,CODECS="${CODECS}",RESOLUTION=320x180\n${scheme}.m3u8\n`,
      );
    }
    for (const [name, bytes] of clear) if (name.endsWith('.ts')) this.#files.set(name, bytes);
    const fairplay = clear.get('fairplay.m3u8')?.toString() ?? '';
    this.#files.set('fairplay.m3u8', fairplay.replace('#EXTINF', `${FAIRPLAY_LINE}\n#EXTINF`));
    // Encrypted, as its initialization section alone says.
    this.#files.set('unsaid.m3u8', this.#mediaPlaylist(playlist, 'cenc').replaceAll(/#EXT-X-KEY.*\n/g, ''));
  }

  #mediaPlaylist(clear: string, scheme: Scheme): string {
    return clear
      .replace('#EXT-X-MAP:URI="init.mp4"', `${this.keyLines(scheme).join('\n')}\n#EXT-X-MAP:URI="${scheme}-init.mp4"`)
      .replaceAll(/^(\d+\.m4s)$/gm, `${scheme}-$1`);
  }

  #answer({ url, method }: IncomingMessage, response: ServerResponse): void {
    const body = this.#files.get((url ?? '').slice(1));
    response.setHeader('access-control-allow-origin', '*');
    if (body === undefined || (method === 'POST') !== (url ?? '').endsWith('.licence')) response.writeHead(404).end();
    else response.end(body);
  }
}

/** What FFmpeg's libx264 makes of the clip at this size, and its AAC. */
const CODECS = 'avc1.42c00c,mp4a.40.2';
