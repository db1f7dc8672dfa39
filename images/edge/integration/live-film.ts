import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { LiveFolder } from './live-folder.ts';
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

/** Live HLS of a film without an end, which a real FFmpeg encodes. */
export class LiveFilm {
  readonly #folder: LiveFolder;
  #runs = 0;

  private constructor(folder: LiveFolder) {
    this.#folder = folder;
  }

  /** Resolves when it has as many segments as a live playlist has to have, and some more. */
  static async start(address: string, variants: Readonly<Record<string, Variant>> = {}): Promise<LiveFilm> {
    const folder = await LiveFolder.open(address, (...asked) => sendVariant(variants, ...asked));
    const film = new LiveFilm(folder);
    await film.encode();
    await until('the film has four segments', 60, () => existsSync(join(folder.path, 'a3.ts')));
    return film;
  }

  /** Every request: its path and query, without the slash in front. */
  get requests(): readonly string[] {
    return this.#folder.requests;
  }

  /** URL of the playlist of a variant; of the film as it is, if it has no such variant. */
  url(variant = 'plain'): string {
    return this.#folder.url(`${variant}/index.m3u8`);
  }

  /**
   * Encodes from here on; an FFmpeg that did is killed, and the numbers of the new one begin at 0, as its timestamps do.
   * @param segmentSeconds of the new one
   */
  async encode(segmentSeconds = SEGMENT_SECONDS): Promise<void> {
    const prefix = String.fromCharCode('a'.charCodeAt(0) + this.#runs);
    this.#runs += 1;
    const pictures = ['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=${FRAME_RATE}`];
    const sound = ['-f', 'lavfi', '-i', 'sine=beep_factor=2'];
    const coding = [...H264, '-g', String(FRAME_RATE * segmentSeconds), '-c:a', 'aac', '-ac', '2'];
    const list = ['-f', 'hls', '-hls_time', String(segmentSeconds), '-hls_list_size', '10'];
    const flags = ['-hls_delete_threshold', '20', '-hls_flags', 'delete_segments+program_date_time+temp_file'];
    const file = (name: string): string => join(this.#folder.path, name);
    const names = ['-hls_segment_filename', file(`${prefix}%d.ts`), file('index.m3u8')];
    const input = ['-v', 'error', '-nostdin', '-re', ...pictures, '-re', ...sound];
    await this.#folder.encode([...input, ...coding, ...list, ...flags, ...names]);
  }

  /** Ends it and removes its files. */
  stop(): Promise<void> {
    return this.#folder.stop();
  }
}

async function sendVariant(
  variants: Readonly<Record<string, Variant>>,
  folder: LiveFolder,
  asked: string,
  response: ServerResponse,
): Promise<void> {
  const [, variant = '', name = ''] = /^([^/]+)\/([^/?]+)/.exec(asked) ?? [];
  const { rewrite = (text: string) => text, withholds = () => false } = variants[variant] ?? {};
  if (name === '' || withholds(name)) {
    response.writeHead(404).end();
  } else if (name === 'index.m3u8') {
    const playlist = await readFile(join(folder.path, name), 'utf8');
    response.setHeader('content-type', 'application/vnd.apple.mpegurl').end(rewrite(playlist));
  } else {
    folder.send(name, response);
  }
}
