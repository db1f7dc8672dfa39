import { verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import {
  challengeText,
  type EdgeMessage,
  type OperatorMessage,
  operatorMessageSchema,
} from '@sluice/common/link/messages.ts';
import { type WebSocket, WebSocketServer } from 'ws';
import type { EdgeLinkKeys } from '../keys/link-keys.ts';
import type { EdgeEndpoint } from './endpoints.ts';

/** How a fake edge differs from the usual one. */
export interface FakeEdgeOptions {
  /** Address to listen on; 127.0.0.1 if left out. */
  readonly host?: string;
  /** Takes the messages of operators that proved themselves; they are not kept then. */
  readonly onMessage?: (message: OperatorMessage) => void;
  /** Takes messages as they come, without the schema: for benches, whose edges must not cost what they measure. */
  readonly trusting?: boolean;
}

/**
 * The other end of the link, for tests: a TLS WebSocket server on a loopback port that challenges, verifies the
 * operator as an edge does, and keeps every message that it gets.
 */
export class FakeEdge {
  /** Messages of operators that proved themselves, in order. */
  readonly received: OperatorMessage[] = [];
  /** Why an operator was turned away. */
  readonly refusals: string[] = [];
  /** Whether an operator is connected and proved. */
  connected = false;
  private readonly server: Server;
  private readonly sockets = new Set<WebSocket>();
  private readonly waiting = new Set<() => void>();
  private readonly keys: EdgeLinkKeys;
  private readonly podUid: string;
  private readonly options: FakeEdgeOptions;

  private constructor(server: Server, keys: EdgeLinkKeys, podUid: string, options: FakeEdgeOptions) {
    this.server = server;
    this.keys = keys;
    this.podUid = podUid;
    this.options = options;
    const sockets = new WebSocketServer({ server, path: '/link' });
    sockets.on('connection', (socket) => this.meet(socket));
  }

  /** Starts an edge that says it is the pod `podUid`. */
  static async start(keys: EdgeLinkKeys, podUid: string, options: FakeEdgeOptions = {}): Promise<FakeEdge> {
    const server = createServer({ cert: keys['tls.crt'], key: keys['tls.key'] });
    const edge = new FakeEdge(server, keys, podUid, options);
    server.listen(0, options.host ?? '127.0.0.1');
    await once(server, 'listening');
    return edge;
  }

  /** Where to dial it, as the EndpointSlice would say. */
  endpoint(podUid = this.podUid): EdgeEndpoint {
    const { address, port } = this.server.address() as AddressInfo;
    return {
      podName: `edge-${podUid}`,
      podUid,
      internalAddress: `${address}:8081`,
      linkAddress: `${address}:${port}`,
      ready: true,
      terminating: false,
    };
  }

  /** Sends to the connected operator. */
  say(...messages: readonly EdgeMessage[]): void {
    for (const message of messages) this.sayRaw(JSON.stringify(message));
  }

  /** Sends any text. */
  sayRaw(text: string): void {
    for (const socket of this.sockets) socket.send(text);
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.sockets) socket.terminate();
  }

  /** Stands still: what comes on the connections of now is not read any more, pings included. */
  stall(): void {
    for (const socket of this.sockets) socket.pause();
  }

  /** Resolves when `condition` holds; looked at again after each message and connection. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.waiting.add(resolve);
      });
    }
  }

  /** Stops listening and cuts all connections. */
  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  private meet(socket: WebSocket): void {
    const nonce = Math.random().toString(36);
    let proved = false;
    this.sockets.add(socket);
    socket.on('close', () => {
      this.sockets.delete(socket);
      this.connected = this.sockets.size > 0;
      this.notify();
    });
    socket.on('message', (data) => {
      const raw: unknown = JSON.parse(String(data));
      const message = this.options.trusting === true ? (raw as OperatorMessage) : operatorMessageSchema.parse(raw);
      if (message.type === 'hello') {
        const text = Buffer.from(challengeText(nonce, this.podUid, message.term));
        proved = verify(null, text, this.keys['operator.pub'], Buffer.from(message.signature, 'base64'));
        this.connected = proved;
      }
      if (proved && this.options.onMessage !== undefined) this.options.onMessage(message);
      else if (proved) this.received.push(message);
      else this.refusals.push('bad signature');
      this.notify();
    });
    socket.send(JSON.stringify({ type: 'challenge', nonce, podName: `edge-${this.podUid}`, podUid: this.podUid }));
  }

  private notify(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }
}
