import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One rendition of a {@link RenditionsServer}; fields may change while it serves. */
export interface ServedRendition {
  /** End of its segments' names. */
  readonly extension: 'ts' | 'm4s' | 'aac' | 'vtt';
  /** Bytes of a segment that begins at this time. */
  readonly segment: (startSeconds: number, durationSeconds: number) => Uint8Array;
  /** Initialization section, of `m4s`. */
  readonly init?: Uint8Array;
  /** Added to the numbers of its playlist, which then do not mean what those of the others mean. */
  msnOffset?: number;
  /** Segments that its playlist is behind the others. */
  behind?: number;
  /** Its segments are answered 404. */
  lost?: boolean;
  /** Added to the time at which its segments begin. */
  shiftSeconds?: number;
}

/** A live multivariant HLS source on loopback, with several renditions, whose time is given from outside. */
export class RenditionsServer {
  readonly targetDurationSeconds = 2;
  readonly windowSegments = 10;
  /** Every request's path, in order. */
  readonly requests: string[] = [];
  /** By name: `<name>/index.m3u8`, `<name>/<msn>.<extension>`. */
  readonly renditions: Map<string, ServedRendition>;
  /** Lines of the multivariant playlist behind the first. */
  lines: readonly string[];
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #server: Server;

  constructor(now: () => number, lines: readonly string[], renditions: Readonly<Record<string, ServedRendition>>) {
    this.#now = now;
    this.lines = lines;
    this.renditions = new Map(Object.entries(renditions));
    this.#startedAt = now() - this.windowSegments * this.targetDurationSeconds * 1000;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  /** Answers from now on, at an address of its own. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  /** Folder of the multivariant playlist, with a slash at its end. */
  get folder(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  get url(): string {
    return `${this.folder}index.m3u8`;
  }

  /** Newest number that a rendition without delay lists. */
  get newestMsn(): number {
    return Math.floor((this.#now() - this.#startedAt) / 1000 / this.targetDurationSeconds) - 1;
  }

  #playlist({ extension, msnOffset = 0, behind = 0, init }: ServedRendition): string {
    const newest = this.newestMsn - behind;
    const first = Math.max(0, newest - this.windowSegments + 1);
    const lines = ['#EXTM3U', `#EXT-X-TARGETDURATION:${this.targetDurationSeconds}`];
    lines.push(`#EXT-X-MEDIA-SEQUENCE:${first + msnOffset}`);
    if (init !== undefined) lines.push('#EXT-X-MAP:URI="init.mp4"');
    for (let msn = first; msn <= newest; msn += 1) {
      lines.push(`#EXTINF:${this.targetDurationSeconds.toFixed(3)},`, `${msn + msnOffset}.${extension}`);
    }
    return `${lines.join('\n')}\n`;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    this.requests.push(path);
    response.setHeader('access-control-allow-origin', '*');
    if (path === '/index.m3u8') {
      response.end(`${['#EXTM3U', ...this.lines].join('\n')}\n`);
      return;
    }
    const [, name = '', file = ''] = path.split('/');
    const rendition = this.renditions.get(name);
    const msn = Number.parseInt(file, 10);
    if (rendition === undefined || (rendition.lost === true && !file.endsWith('.m3u8'))) {
      response.writeHead(404).end();
    } else if (file === 'index.m3u8') {
      response.end(this.#playlist(rendition));
    } else if (file === 'init.mp4') {
      response.end(rendition.init);
    } else {
      const start = 100 + (msn - (rendition.msnOffset ?? 0)) * this.targetDurationSeconds;
      response.end(rendition.segment(start + (rendition.shiftSeconds ?? 0), this.targetDurationSeconds));
    }
  }
}
