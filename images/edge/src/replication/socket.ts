import type { IncomingMessage } from 'node:http';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from '@sluice/common/log/log.ts';
import { WebSocket, WebSocketServer } from 'ws';
import { tokenMatches } from '../work/token.ts';
import { hostOf } from './address.ts';
import type { FeedConnection, TimelineFeed } from './feed.ts';
import { ANSWER_TIMEOUT_MS, CONNECT_TIMEOUT_MS } from './limits.ts';
import {
  BEAT_MS,
  type FollowerMessage,
  followerMessageSchema,
  MAX_REPLICATION_FRAME_BYTES,
  type OwnerMessage,
  ownerMessageSchema,
  POD_HEADER,
  REPLICATION_PATH,
  readMessage,
} from './messages.ts';
import type { Dial } from './owner-link.ts';
import { replicationToken } from './token.ts';

/** Unsent bytes from which on news wait, and are merged, instead of piling up. */
const BUSY_UNSENT_BYTES = 1024 * 1024;
/** Unsent bytes at which the other side counts as stuck. */
const MAX_UNSENT_BYTES = 8 * 1024 * 1024;
/** Silence in ms after which a follower counts as gone, and wakes no channel any more: five of its beats. */
const FOLLOWER_SILENT_MS = 5_000;
/** Followers at a time: a pod that is replaced leaves a connection for some seconds, and edges are tens. */
const MAX_FOLLOWERS = 256;

/** The owner's end of replication on the internal port. */
export interface FeedServer {
  /** Listener of the HTTP server's `upgrade`. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  close(): void;
}

/** Who serves a feed, and to whom. */
export interface FeedAccess {
  readonly podUid: string;
  /** Of the bearer token that opens it. */
  readonly tokenSha256: string;
}

/** Serves `feed` to those who have the token; others get 401, and no word of what is here but the pod's own uid. */
export function createFeedServer(feed: TimelineFeed, { podUid, tokenSha256 }: FeedAccess, log: Logger): FeedServer {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_REPLICATION_FRAME_BYTES,
    perMessageDeflate: false,
  });
  return {
    upgrade: (request, socket, head) => {
      // Errors of a socket that is given up are not news; without a listener they would end the process.
      socket.on('error', () => {});
      const refusal = refusalOf(request, tokenSha256, sockets.clients.size);
      if (refusal !== null) refuse(socket, refusal, podUid);
      else sockets.handleUpgrade(request, socket, head, (webSocket) => serve(feed, webSocket, log));
    },
    close: () => {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
    },
  };
}

/** Whoever keeps its half of the connection open after the answer would hold a socket here, and the server's end. */
function refuse(socket: Duplex, refusal: string, podUid: string): void {
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\n${POD_HEADER}: ${podUid}\r\n\r\n`);
}

function refusalOf(request: IncomingMessage, tokenSha256: string, followers: number): string | null {
  if (request.url !== REPLICATION_PATH) return '404 Not Found';
  if (!tokenMatches(request.headers.authorization, tokenSha256)) return '401 Unauthorized';
  return followers < MAX_FOLLOWERS ? null : '503 Service Unavailable';
}

function serve(feed: TimelineFeed, socket: WebSocket, log: Logger): void {
  let heardAt = performance.now();
  const connection: FeedConnection = feed.connect({
    send: (message: OwnerMessage) => {
      const frame = frameOf(message);
      // One channel's segments with long names must not end the connection that all others share.
      if (frame === null)
        log.warn({ uid: 'uid' in message ? message.uid : null }, 'replication: a timeline is too long');
      else sendTo(socket, frame);
    },
    get busy() {
      return socket.bufferedAmount > BUSY_UNSENT_BYTES;
    },
  });
  const timer = setInterval(() => {
    if (performance.now() - heardAt > FOLLOWER_SILENT_MS) socket.terminate();
    else connection.beat();
  }, BEAT_MS);
  socket.on('error', (error) => log.debug({ err: error }, 'replication: connection of a follower failed'));
  socket.on('message', (data) => {
    heardAt = performance.now();
    const message = readMessage(followerMessageSchema, data as Buffer);
    if (message === null) socket.terminate();
    else connection.receive(message);
  });
  socket.on('close', () => {
    clearInterval(timer);
    feed.disconnect(connection);
  });
}

/** A message as it is sent; null where the other side would end the connection for its length. */
export function frameOf(message: OwnerMessage | FollowerMessage): string | null {
  const text = JSON.stringify(message);
  return Buffer.byteLength(text) > MAX_REPLICATION_FRAME_BYTES ? null : text;
}

function sendTo(socket: WebSocket, frame: string): void {
  if (socket.readyState !== WebSocket.OPEN) return;
  if (socket.bufferedAmount > MAX_UNSENT_BYTES) socket.terminate();
  else socket.send(frame);
}

/** Gives up a connection that is not there within {@link CONNECT_TIMEOUT_MS}. */
function connectedSoon(socket: Socket): Socket {
  const late = new Error(`no connection within ${CONNECT_TIMEOUT_MS} ms`);
  const timer = setTimeout(() => {
    // Where this program was busy for as long, it may be there already.
    setImmediate(() => socket.connecting && socket.destroy(late));
  }, CONNECT_TIMEOUT_MS);
  return socket.once('connect', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
}

/** Dials owners at their internal ports, proved by the key that all edges share. */
export function createDial(sessionKey: Uint8Array, log: Logger): Dial {
  return (owner, events) => {
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      events.closed();
    };
    if (hostOf(owner.address) === null) {
      const refusal = setImmediate(end);
      return { send: () => {}, close: () => clearImmediate(refusal) };
    }
    const socket = new WebSocket(`ws://${owner.address}${REPLICATION_PATH}`, {
      headers: { authorization: `Bearer ${replicationToken(sessionKey, owner.podUid)}` },
      handshakeTimeout: ANSWER_TIMEOUT_MS,
      createConnection: ((options: NetConnectOpts) => connectedSoon(connect(options))) as typeof connect,
      maxPayload: MAX_REPLICATION_FRAME_BYTES,
      perMessageDeflate: false,
      followRedirects: false,
    });
    socket.on('open', () => {
      if (!ended) events.opened();
    });
    socket.on('unexpected-response', (_request, response) => {
      const wasEnded = ended;
      ended = true;
      socket.terminate();
      const podUid = response.headers[POD_HEADER];
      if (!wasEnded) events.refused(response.statusCode ?? 0, typeof podUid === 'string' ? podUid : null);
    });
    socket.on('message', (data) => {
      if (ended) return;
      const message = readMessage(ownerMessageSchema, data as Buffer);
      if (message !== null) events.received(message);
    });
    socket.on('error', (error) => log.debug({ err: error, owner: owner.podUid }, 'replication: no link to an owner'));
    socket.on('close', end);
    return {
      send: (message) => sendTo(socket, JSON.stringify(message)),
      close: () => {
        ended = true;
        socket.terminate();
      },
    };
  };
}
