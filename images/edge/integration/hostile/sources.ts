import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeFragment } from '@sluice/common/mp4/file.testing.ts';
import { MAX_SEGMENT_BYTES } from '@sluice/common/work/contract.ts';
import { makeSegment } from '../../src/testing/segment.ts';

/** What a source answers. */
type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A source that means ill, and what its Channel's condition says of it. */
export interface HostileCase {
  readonly name: string;
  /** Answers for the playlist; a live playlist of two second segments if left out. */
  readonly playlist?: Answer;
  /** Answers for everything else. */
  readonly segment?: Answer;
  /** Reason of the condition SourceHealthy, and its message. */
  readonly reason: string;
  readonly says: RegExp;
  /** What the sidecar may need more because of it, in bytes; {@link CASE_CEILING_BYTES} if left out. */
  readonly ceilingBytes?: number;
}

/** A playlist of 2 MiB as bytes, as text and as lines, twice because a look is repeated, and what is not collected yet. */
export const CASE_CEILING_BYTES = 60_000_000;

/** Three segments of 50 MB on their way, two more that nobody has collected yet, and the same as a playlist may need. */
const SEGMENTS_CEILING_BYTES = 5 * MAX_SEGMENT_BYTES + CASE_CEILING_BYTES;

const TARGET_DURATION_SECONDS = 2;
const WINDOW_SEGMENTS = 6;
const LARGE_BYTES = 100_000_000;
const PIECE = Buffer.alloc(64 * 1024, 0x47);
const HEAD = `#EXTM3U\n#EXT-X-TARGETDURATION:${TARGET_DURATION_SECONDS}\n`;

/** A playlist that goes on with the clock. */
function livePlaylist(tag = ''): string {
  const newest = Math.floor(Date.now() / 1000 / TARGET_DURATION_SECONDS) % 1_000_000;
  const first = newest - WINDOW_SEGMENTS;
  const names = Array.from({ length: WINDOW_SEGMENTS }, (_, index) => `#EXTINF:2,\n${first + index}.ts\n`);
  return `${HEAD}#EXT-X-MEDIA-SEQUENCE:${first}\n${tag}${names.join('')}`;
}

const text =
  (body: string | Buffer): Answer =>
  (response) =>
    void response.end(body);

/** Sends `next()` for as long as it gives something and the other side takes it; then it ends, or stands still. */
function pour(response: ServerResponse, next: () => Buffer | 'end' | 'stand still'): void {
  for (;;) {
    if (response.destroyed) return;
    const piece = next();
    if (piece === 'end') response.end();
    if (piece === 'end' || piece === 'stand still') return;
    if (!response.write(piece)) break;
  }
  response.once('drain', () => pour(response, next));
}

const endless =
  (head: string, line: string): Answer =>
  (response) => {
    const piece = Buffer.from(line.repeat(Math.ceil(PIECE.length / line.length)));
    response.write(head);
    pour(response, () => piece);
  };

const long =
  (bytes: number, headers: Record<string, string | number> = {}): Answer =>
  (response) => {
    let left = bytes;
    response.writeHead(200, headers);
    pour(response, () => {
      left -= PIECE.length;
      return left < 0 ? 'end' : PIECE;
    });
  };

/** A byte a second. */
const trickle =
  (body: string): Answer =>
  (response) => {
    let at = 0;
    const timer = setInterval(() => {
      response.write(body[at] ?? '\n');
      at += 1;
    }, 1_000);
    response.once('close', () => clearInterval(timer));
    response.flushHeaders();
  };

/** Each byte in a piece of its own, as fast as it goes. */
const crumbs: Answer = (response) => {
  const crumb = Buffer.from('1\r\nG\r\n'.repeat(10_000));
  const { socket } = response;
  if (socket === null) return;
  response.writeHead(200, { 'transfer-encoding': 'chunked' });
  response.flushHeaders();
  const go = (): void => {
    while (!socket.destroyed && socket.write(crumb));
    if (!socket.destroyed) socket.once('drain', go);
  };
  go();
};

const cutOff: Answer = (response) => {
  response.writeHead(200, { 'content-length': 1_000_000 });
  response.write(PIECE.subarray(0, 10_000), () => response.destroy());
};

const redirect =
  (location: string): Answer =>
  (response) =>
    void response.writeHead(302, { location }).end();

/** A new URL each time, so that only their number ends it. */
const maze: Answer = (response, request) =>
  void response.writeHead(302, { location: `${request.url?.split('?')[0]}?${Math.random()}` }).end();

const good = makeSegment({ startSeconds: 10, durationSeconds: TARGET_DURATION_SECONDS });
const corrupt = Buffer.from(good.map((byte, index) => (index % 97 === 0 ? byte ^ 0x5a : byte)));
const noise = Buffer.from(Array.from({ length: 50_000 }, (_, index) => (index * 7919) % 251));
const page = '<!doctype html><title>Sign in</title>';

/** Everything that a URL in a Channel may turn out to be. */
export const HOSTILE_CASES: readonly HostileCase[] = [
  {
    name: 'endless-playlist',
    playlist: endless(HEAD, '#EXTINF:2,\na.ts\n'),
    reason: 'SourceTooLarge',
    says: /more than/,
  },
  { name: 'huge-playlist', playlist: long(LARGE_BYTES), reason: 'SourceTooLarge', says: /more than/ },
  {
    name: 'liar-playlist',
    playlist: long(LARGE_BYTES, { 'content-length': LARGE_BYTES }),
    reason: 'SourceTooLarge',
    says: /more than/,
  },
  {
    name: 'million-entries',
    playlist: text(HEAD + '#EXTINF:2,\na\n'.repeat(1_000_000)),
    reason: 'SourceTooLarge',
    says: /more than/,
  },
  {
    name: 'many-entries',
    playlist: text(HEAD + '#EXTINF:2,\na\n'.repeat(120_000)),
    reason: 'PlaylistInvalid',
    says: /lines/,
  },
  {
    name: 'long-line',
    playlist: text(`${HEAD}#${'x'.repeat(1_000_000)}\n`),
    reason: 'PlaylistInvalid',
    says: /longer/,
  },
  {
    name: 'date-ranges',
    playlist: text(
      HEAD +
        Array.from({ length: 20_000 }, (_, id) => `#EXT-X-DATERANGE:ID="${id}",CLASS="a",END-ON-NEXT=YES\n`).join(''),
    ),
    reason: 'SourceStalled',
    says: /no segments/,
  },
  {
    name: 'attributes',
    playlist: text(HEAD + `#EXT-X-KEY:${'a'.repeat(8_000)}\n`.repeat(250)),
    reason: 'SourceStalled',
    says: /no segments/,
  },
  { name: 'binary', playlist: text(noise), reason: 'NotAPlaylist', says: /something else/ },
  { name: 'utf-16', playlist: text(Buffer.from(`\uFEFF${HEAD}`, 'utf16le')), reason: 'NotAPlaylist', says: /UTF-16/ },
  {
    name: 'latin-1',
    playlist: text(Buffer.from(`${HEAD}#EXTINF:2,\ncaf\u00e9.ts\n`, 'latin1')),
    reason: 'PlaylistInvalid',
    says: /UTF-8/,
  },
  { name: 'maze', playlist: maze, reason: 'TooManyRedirects', says: /redirects/ },
  { name: 'loop', playlist: redirect('index.m3u8'), reason: 'TooManyRedirects', says: /redirects/ },
  { name: 'metadata', playlist: redirect('http://169.254.169.254/'), reason: 'ForbiddenAddress', says: /169\.254/ },
  { name: 'private', playlist: redirect('//[::ffff:10.0.0.1]/'), reason: 'ForbiddenAddress', says: /allowedCIDRs/ },
  { name: 'decimal', playlist: redirect('http://167772161/'), reason: 'ForbiddenAddress', says: /10\.0\.0\.1/ },
  { name: 'file', playlist: redirect('file:///etc/passwd'), reason: 'SourceUrlInvalid', says: /file:/ },
  { name: 'slow-playlist', playlist: trickle(HEAD), reason: 'SourceTimeout', says: /8 s/ },
  { name: 'silent', playlist: () => {}, reason: 'SourceTimeout', says: /8 s/ },
  {
    name: 'slow-refusal',
    playlist: (response) => void response.writeHead(500).write('x'),
    reason: 'SourceHttpStatus',
    says: /500/,
  },
  { name: 'playlist-in-crumbs', playlist: crumbs, reason: 'SourcePiecemeal', says: /pieces/ },
  { name: 'cut-playlist', playlist: cutOff, reason: 'SourceUnreachable', says: /cannot be read/ },
  { name: 'page', segment: text(page), reason: 'SegmentBroken', says: /MPEG-TS/ },
  { name: 'truncated', segment: text(good.subarray(0, 1_000)), reason: 'SegmentBroken', says: /MPEG-TS/ },
  { name: 'corrupt', segment: text(corrupt), reason: 'SegmentBroken', says: /MPEG-TS/ },
  {
    name: 'wrong-class',
    segment: text(makeFragment({ startSeconds: 0, durationSeconds: 2 })),
    reason: 'SegmentBroken',
    says: /MPEG-TS/,
  },
  {
    name: 'other-class',
    playlist: (response) => void response.end(livePlaylist('#EXT-X-MAP:URI="init.mp4"\n')),
    segment: text(noise),
    reason: 'SourceUnsupported',
    says: /fragmented MP4/,
  },
  {
    name: 'too-large',
    segment: long(LARGE_BYTES, { 'content-length': LARGE_BYTES }),
    reason: 'SourceTooLarge',
    says: /50000000/,
  },
  {
    name: 'endless',
    segment: (response) => pour(response, () => PIECE),
    reason: 'SourceTooLarge|EdgeBusy',
    says: /50000000|at a time/,
    ceilingBytes: SEGMENTS_CEILING_BYTES,
  },
  // The largest that may be, and then it stands still: what it occupies is missing to all others.
  {
    name: 'hoarder',
    segment: (response) => {
      let left = MAX_SEGMENT_BYTES - 2 * PIECE.length;
      pour(response, () => {
        left -= PIECE.length;
        return left < 0 ? 'stand still' : PIECE;
      });
    },
    reason: 'EdgeBusy|SourceTimeout|SourceUnreachable',
    says: /./,
    ceilingBytes: SEGMENTS_CEILING_BYTES,
  },
  { name: 'cut-off', segment: cutOff, reason: 'SourceUnreachable', says: /cannot be read/ },
  { name: 'slow', segment: trickle('GGGGGGGGGGGGGGGGGGGG'), reason: 'SourceTimeout', says: /10 s/ },
  { name: 'crumbs', segment: crumbs, reason: 'SourcePiecemeal', says: /pieces/ },
  { name: 'elsewhere', segment: redirect('http://10.0.0.1/a.ts'), reason: 'ForbiddenAddress', says: /10\.0\.0\.1/ },
];

/** All hostile sources on one loopback port, one folder each. */
export class HostileSources {
  readonly #server: Server;
  readonly #cases = new Map(HOSTILE_CASES.map((one) => [one.name, one]));

  constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  /** URL of the playlist of a case. */
  url(name: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${name}/index.m3u8`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const [, name = '', file = ''] = /^\/([^/]+)\/([^?]*)/.exec(request.url ?? '') ?? [];
    const one = this.#cases.get(name);
    const isPlaylist = file === 'index.m3u8';
    const answer = isPlaylist ? (one?.playlist ?? ((live) => void live.end(livePlaylist()))) : one?.segment;
    if (answer === undefined) response.writeHead(404).end();
    else answer(response, request);
  }
}
