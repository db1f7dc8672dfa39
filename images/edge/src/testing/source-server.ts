import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeFragment, makeInit } from '@sluice/common/mp4/file.testing.ts';
import { fillSegment, makeSegment } from './segment.ts';

/** A live HLS source on loopback whose time is given from outside. */
export class SourceServer {
  readonly targetDurationSeconds: number;
  readonly windowSegments: number;
  /** Every request's path, in order. */
  readonly requests: string[] = [];
  /** Set to answer every request so. */
  failure: { status: number; body: string } | null = null;
  /** Paths that are answered 404. */
  readonly missing = new Set<string>();
  cors = true;
  /** Fragmented MP4 instead of MPEG-TS. */
  fragmented = false;
  /** The initialization section of fragmented MP4, always under one name. */
  init: Uint8Array = makeInit();
  /** No segment follows this one, and the playlist says so. */
  lastMsn = Number.POSITIVE_INFINITY;
  /** Not live but a recording: all segments from 0 to `lastMsn` are listed. */
  isRecording = false;
  /** Duration of a segment in seconds as the playlist tells it. */
  durationOf: (msn: number) => number = () => this.targetDurationSeconds;
  /** EXT-X-TARGETDURATION in seconds, where it is not the one that segments have; null: it is. */
  declaredSeconds: number | null = null;
  /** Bytes of a segment instead of those of MPEG-TS. */
  bytesOf: ((msn: number) => Uint8Array) | null = null;
  /** Tags in front of a segment. */
  tagsOf: (msn: number) => readonly string[] = () => [];
  firstMsn = 0;
  #connections = 0;
  #mostConnections = 0;
  readonly #segmentBytes: number;
  readonly #now: () => number;
  readonly #server: Server;
  #startedAt: number;
  #prefix = 'a';

  /** @param options `segmentBytes` fills MPEG-TS segments up to this size, for those who measure */
  constructor(options: {
    now: () => number;
    targetDurationSeconds?: number;
    windowSegments?: number;
    segmentBytes?: number;
  }) {
    this.#segmentBytes = options.segmentBytes ?? 0;
    this.#now = options.now;
    this.targetDurationSeconds = options.targetDurationSeconds ?? 2;
    this.windowSegments = options.windowSegments ?? 10;
    this.#startedAt = options.now() - this.windowSegments * this.targetDurationSeconds * 1000;
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.on('connection', (socket) => {
      this.#connections += 1;
      this.#mostConnections = Math.max(this.#mostConnections, this.#connections);
      socket.once('close', () => {
        this.#connections -= 1;
      });
    });
  }

  /** URL of the media playlist. */
  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}/live/index.m3u8`;
  }

  /** Connections now. */
  get connections(): number {
    return this.#connections;
  }

  /** Most connections at a time until now. */
  get mostConnections(): number {
    return this.#mostConnections;
  }

  async listen(address = '127.0.0.1'): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, address, resolve);
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  /** Begins anew: other names, numbers from `firstMsn`, one segment listed at once. */
  restart(firstMsn: number, prefix: string): void {
    this.firstMsn = firstMsn;
    this.#prefix = prefix;
    this.#startedAt = this.#now() - this.targetDurationSeconds * 1000;
  }

  /** Newest listed number. */
  get newestMsn(): number {
    if (this.isRecording) return this.lastMsn;
    const seconds = (this.#now() - this.#startedAt) / 1000;
    return Math.min(this.lastMsn, this.firstMsn + Math.floor(seconds / this.targetDurationSeconds) - 1);
  }

  /** How often each segment was asked for. */
  segmentRequests(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const path of this.requests.filter((one) => one.endsWith(`.${this.#extension}`)))
      counts.set(path, (counts.get(path) ?? 0) + 1);
    return counts;
  }

  playlist(): string {
    const oldest = this.isRecording ? 0 : this.newestMsn - this.windowSegments + 1;
    const first = Math.max(this.firstMsn, oldest);
    const lines = [
      '#EXTM3U',
      '#EXT-X-VERSION:3',
      `#EXT-X-TARGETDURATION:${this.declaredSeconds ?? this.targetDurationSeconds}`,
    ];
    lines.push(`#EXT-X-MEDIA-SEQUENCE:${first}`);
    if (this.fragmented) lines.push('#EXT-X-MAP:URI="init.mp4"');
    for (let msn = first; msn <= this.newestMsn; msn += 1) {
      lines.push(
        ...this.tagsOf(msn),
        `#EXTINF:${this.durationOf(msn).toFixed(3)},`,
        `${this.#prefix}${msn}.${this.#extension}`,
      );
    }
    if (this.newestMsn === this.lastMsn) lines.push('#EXT-X-ENDLIST');
    return `${lines.join('\n')}\n`;
  }

  get #extension(): string {
    return this.fragmented ? 'm4s' : 'ts';
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    this.requests.push(path);
    if (this.cors) response.setHeader('access-control-allow-origin', '*');
    if (this.failure !== null) {
      response.writeHead(this.failure.status).end(this.failure.body);
      return;
    }
    if (path.endsWith('.m3u8')) {
      response.setHeader('content-type', 'application/vnd.apple.mpegurl').end(this.playlist());
      return;
    }
    if (this.fragmented && path.endsWith('/init.mp4') && !this.missing.has(path)) {
      response.setHeader('content-type', 'video/mp4').end(this.init);
      return;
    }
    const match = new RegExp(`/([a-z]+)(\\d+)\\.${this.#extension}$`).exec(path);
    if (match === null || match[1] !== this.#prefix || this.missing.has(path)) {
      response.writeHead(404).end();
      return;
    }
    if (this.bytesOf !== null) {
      response.end(this.bytesOf(Number(match[2])));
      return;
    }
    const startSeconds = 100 + Number(match[2]) * this.targetDurationSeconds;
    const segment = { startSeconds, durationSeconds: this.targetDurationSeconds };
    response.setHeader('content-type', this.fragmented ? 'video/mp4' : 'video/mp2t');
    response.end(this.fragmented ? makeFragment(segment) : fillSegment(makeSegment(segment), this.#segmentBytes));
  }
}
