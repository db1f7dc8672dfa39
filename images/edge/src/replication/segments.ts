import { createReadStream } from 'node:fs';
import type { RequestListener, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { MAX_SEGMENT_BYTES } from '@sluice/common/work/contract.ts';
import { Agent } from 'undici';
import { sendError } from '../http/error-answer.ts';
import { readBody, saidLength } from '../source/body.ts';
import { ReadingRoom } from '../source/room.ts';
import { tokenMatches } from '../work/token.ts';
import { hostOf } from './address.ts';
import { ANSWER_TIMEOUT_MS } from './limits.ts';
import type { OwnerAddress } from './owner-link.ts';
import { replicationToken } from './token.ts';

/** Longest silence in ms of an edge that sends a segment to another one. */
const SILENCE_MS = 5_000;

const PATH = /^\/internal\/v1\/media\/([\w.-]{1,128})\/(s\/[\w.-]{1,300}\/[a-z0-9-]{1,63}\/[\w.-]{1,100})$/;

const SEGMENT_UNKNOWN = 'SEGMENT_UNKNOWN';

/** A stored file as the internal port sends it. */
export interface StoredFile {
  readonly path: string;
  readonly bytes: number;
}

/** Fetches stored segments from other edges. */
export interface SegmentClient {
  /**
   * The bytes of one stored file (`s/...`) of a channel. Throws SEGMENT_UNKNOWN (404) where that edge has none, and
   * OWNER_UNREACHABLE (503).
   */
  read(from: OwnerAddress, uid: string, name: string, signal: AbortSignal): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A client that proves itself by the key that all edges share; what it reads has its place in `room`. */
export function createSegmentClient(sessionKey: Uint8Array, room = new ReadingRoom()): SegmentClient {
  const dispatcher = new Agent({
    connect: { timeout: ANSWER_TIMEOUT_MS },
    headersTimeout: SILENCE_MS,
    bodyTimeout: SILENCE_MS,
  });
  return {
    read: async (from, uid, name, signal) => {
      if (hostOf(from.address) === null) throw segmentUnreachable();
      const crowding = new AbortController();
      const holding = room.enter((error) => crowding.abort(error));
      try {
        const answer = await dispatcher.request({
          origin: `http://${from.address}`,
          path: `/internal/v1/media/${uid}/${name}`,
          method: 'GET',
          headers: { authorization: `Bearer ${replicationToken(sessionKey, from.podUid)}` },
          signal: AbortSignal.any([signal, crowding.signal]),
        });
        if (answer.statusCode === 200) {
          const length = saidLength(String(answer.headers['content-length'] ?? ''));
          return await readBody(answer.body, length, { maxBytes: MAX_SEGMENT_BYTES }, holding);
        }
        await answer.body.dump();
        throw answer.statusCode === 404 ? segmentUnknown(name) : new Error(`HTTP ${answer.statusCode}`);
      } catch (error) {
        if (error instanceof SluiceError && error.code === SEGMENT_UNKNOWN) throw error;
        throw segmentUnreachable(error);
      } finally {
        holding.release();
      }
    },
    close: () => dispatcher.destroy(),
  };
}

/** Answers other edges who ask for stored files, and hands everything else on. */
export function createSegmentListener(
  stored: (uid: string, name: string) => Promise<StoredFile | null>,
  tokenSha256: string,
  others: RequestListener,
): RequestListener {
  return (request, response) => {
    const match = PATH.exec(request.url ?? '');
    if (match === null || request.method !== 'GET') {
      others(request, response);
      return;
    }
    if (!tokenMatches(request.headers.authorization, tokenSha256)) {
      sendError(
        response,
        new SluiceError('This is for edges', { code: 'UNAUTHORIZED', retryable: false, status: 401 }),
      );
      return;
    }
    const [, uid = '', name = ''] = match;
    stored(uid, name)
      .then((file) => {
        if (file === null) throw segmentUnknown(name);
        send(file, response);
      })
      .catch((error: unknown) => sendError(response, error));
  };
}

function send(file: StoredFile, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': file.bytes });
  const content = createReadStream(file.path);
  // A file that goes meanwhile ends the answer short of its length: the other side throws it away, and must not wait
  // for the rest.
  content.once('end', () => {
    if (content.bytesRead < file.bytes) response.destroy();
  });
  pipeline(content, response).catch(() => response.destroy());
}

/** 404 for a file that is not stored (any more). */
export function segmentUnknown(name: string): SluiceError {
  return new SluiceError(`There is no segment ${name.slice(0, 300)} (any more)`, {
    code: SEGMENT_UNKNOWN,
    retryable: false,
    status: 404,
  });
}

/** 503 for a file that the edge which has it cannot be asked for now. */
export function segmentUnreachable(cause?: unknown): SluiceError {
  return new SluiceError('The edge that has this segment cannot be asked at this moment; try again', {
    code: 'OWNER_UNREACHABLE',
    retryable: true,
    status: 503,
    retryAfterSeconds: 1,
    cause,
  });
}
