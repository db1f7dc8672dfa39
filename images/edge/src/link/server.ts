import { type KeyObject, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { MAX_LINK_FRAME_BYTES, type OperatorMessage } from '@sluice/common/link/messages.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import { type WebSocket, WebSocketServer } from 'ws';
import { checkHello } from './handshake.ts';
import { type CloseReason, Peer, readFrame } from './peer.ts';
import type { StoredTerm } from './stored-term.ts';

/** One path, so that probes and scanners of the port get a plain 404. */
export const LINK_PATH = '/link';
/** Time from the TCP connect to a valid hello. */
const HANDSHAKE_MS = 5_000;
/** A hello has about 200 bytes; HTTP headers before it have Node's own limit of 16 kB. */
const MAX_HELLO_BYTES = 4 * 1024;
/** Strangers at a time; further ones push out the oldest, so that they cannot lock the operator out by waiting. */
const MAX_UNPROVEN = 32;
/** A dead operator is noticed after two of them. */
const PING_INTERVAL_MS = 10_000;

/** What the link tells the rest of the edge. */
export interface LinkEvents {
  /** An operator has proved itself; it replaces any earlier one. */
  connected(peer: Peer, term: number): void;
  /** Everything after `hello`. */
  message(message: Exclude<OperatorMessage, { type: 'hello' }>): void;
  /** The current operator's connection ended. */
  disconnected(): void;
}

/** Keys, identity and limits of the link. */
export interface LinkOptions {
  /** PEM. */
  readonly certificate: string;
  readonly privateKey: string;
  readonly operatorKey: KeyObject;
  readonly podName: string;
  readonly podUid: string;
  readonly term: StoredTerm;
  readonly events: LinkEvents;
  readonly log: Logger;
  /** Replaces {@link HANDSHAKE_MS} in tests. */
  readonly handshakeMs?: number;
}

/** The edge's end of the link: the operator dials, proves itself, and is obeyed until a newer one comes. */
export class LinkServer {
  readonly #options: LinkOptions;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_LINK_FRAME_BYTES,
    perMessageDeflate: false,
  });
  /** By {@link nameOf}: the TCP socket and the TLS socket on it are different objects with the same name. */
  readonly #unproven = new Map<string, { readonly socket: Socket; readonly timer: NodeJS.Timeout }>();
  /** This start of the sidecar; see the `challenge` message. */
  readonly #instance = randomUUID();
  readonly #startedAt = performance.now();
  /** A term that is stored already was given to a sidecar before this one. */
  readonly #isRestart: boolean;
  #current: { readonly peer: Peer; readonly socket: WebSocket } | null = null;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#isRestart = options.term.highest > 0;
    this.#server = createServer(
      { cert: options.certificate, key: options.privateKey, minVersion: 'TLSv1.3', handshakeTimeout: HANDSHAKE_MS },
      (_request, response) => response.writeHead(404, { connection: 'close' }).end(),
    );
    this.#server.on('connection', (socket: Socket) => this.#watchStranger(socket));
    this.#server.on('tlsClientError', (error: Error) => options.log.debug({ err: error }, 'link: TLS failed'));
    this.#server.on('upgrade', (request, socket, head) => {
      // Errors of a socket that is given up are not news; without a listener they would end the process.
      socket.on('error', () => {});
      if (request.url !== LINK_PATH) {
        socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#greet(webSocket, socket as Socket));
    });
  }

  /** @returns the port that it really listens on */
  async listen(port: number, address: string): Promise<number> {
    this.#server.listen(port, address);
    await once(this.#server, 'listening');
    const bound = this.#server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : port;
  }

  get connected(): boolean {
    return this.#current !== null;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    for (const { socket } of this.#unproven.values()) socket.destroy();
    this.#sockets.close();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Bounds the time and the number of connections that have proved nothing yet; counted from the TCP connect. */
  #watchStranger(socket: Socket): void {
    const [oldest] = this.#unproven.values();
    if (this.#unproven.size >= MAX_UNPROVEN) oldest?.socket.destroy();
    const name = nameOf(socket);
    const timer = setTimeout(() => socket.destroy(), this.#options.handshakeMs ?? HANDSHAKE_MS);
    this.#unproven.set(name, { socket, timer });
    socket.once('close', () => this.#forgetStranger(name));
  }

  #forgetStranger(name: string): void {
    clearTimeout(this.#unproven.get(name)?.timer);
    this.#unproven.delete(name);
  }

  #greet(socket: WebSocket, transport: Socket): void {
    const { podName, podUid } = this.#options;
    const peer = new Peer(socket);
    const nonce = randomBytes(32).toString('base64');
    let proven = false;
    let received = 0;
    transport.on('data', function count(chunk: Buffer) {
      received += chunk.length;
      if (proven) transport.off('data', count);
      else if (received > MAX_HELLO_BYTES) transport.destroy();
    });
    socket.on('error', (error) => this.#options.log.debug({ err: error }, 'link: connection failed'));
    socket.on('message', (data, isBinary) => {
      if (socket.readyState !== socket.OPEN) return;
      const frame = readFrame(data, isBinary);
      if (frame.kind === 'unknown' && proven) return;
      if (frame.kind !== 'message' || (frame.message.type === 'hello') === proven) {
        this.#refuse(peer, 'BAD_FRAME', frame.kind === 'bad' ? frame.why : 'hello comes first, and once');
        return;
      }
      if (frame.message.type !== 'hello') this.#obey(socket, frame.message);
      else proven = this.#prove(peer, socket, transport, nonce, frame.message);
    });
    const restartedSecondsAgo = (performance.now() - this.#startedAt) / 1000;
    peer.send({
      ...{ type: 'challenge', nonce, podName, podUid, instance: this.#instance },
      ...(this.#isRestart ? { restartedSecondsAgo } : {}),
    });
  }

  #prove(
    peer: Peer,
    socket: WebSocket,
    transport: Socket,
    nonce: string,
    hello: { term: number; signature: string },
  ): boolean {
    const { term, podUid, operatorKey, events, log } = this.#options;
    try {
      checkHello(hello, { nonce, podUid, operatorKey, highestTerm: term.highest });
      term.raise(hello.term);
    } catch (thrown) {
      const code =
        thrown instanceof SluiceError && thrown.code === 'TERM_SUPERSEDED' ? thrown.code : 'SIGNATURE_INVALID';
      this.#refuse(peer, code, messageOf(thrown));
      return false;
    }
    this.#forgetStranger(nameOf(transport));
    const previous = this.#current;
    this.#current = { peer, socket };
    previous?.peer.close('REPLACED', 'a newer connection has taken over');
    this.#keepAlive(peer, socket);
    socket.once('close', () => {
      if (this.#current?.socket !== socket) return;
      this.#current = null;
      log.warn('link: the operator is gone; the routes stay as they are');
      events.disconnected();
    });
    log.info({ term: hello.term }, 'link: an operator has taken over');
    events.connected(peer, hello.term);
    return true;
  }

  #obey(socket: WebSocket, message: Exclude<OperatorMessage, { type: 'hello' }>): void {
    if (this.#current?.socket === socket) this.#options.events.message(message);
  }

  #refuse(peer: Peer, reason: CloseReason, why: string): void {
    this.#options.log.warn({ reason }, `link: a connection was refused: ${why}`);
    peer.close(reason, why);
  }

  #keepAlive(peer: Peer, socket: WebSocket): void {
    let alive = true;
    socket.on('pong', () => {
      alive = true;
    });
    const timer = setInterval(() => {
      if (!alive) {
        peer.close('TIMEOUT', 'pings were not answered');
        return;
      }
      alive = false;
      socket.ping();
    }, PING_INTERVAL_MS);
    socket.once('close', () => clearInterval(timer));
  }
}

function nameOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
