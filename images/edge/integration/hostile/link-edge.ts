import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { EdgeLinkKeys } from '@sluice/operator/keys/link-keys.ts';
import type { EdgeEndpoint } from '@sluice/operator/link/endpoints.ts';
import { type WebSocket, WebSocketServer } from 'ws';

/** What somebody does with an operator's connection, who has broken into an edge. */
export type Behaviour = (operator: WebSocket) => void | Promise<void>;

/** An edge pod that somebody has broken into: it has the keys of an edge, and says what it likes. */
export class BrokenInto {
  readonly #server: Server;
  readonly #podUid: string;
  #links = 0;

  private constructor(server: Server, podUid: string, behave: Behaviour, proves: boolean) {
    this.#server = server;
    this.#podUid = podUid;
    const sockets = new WebSocketServer({ server, path: '/link' });
    sockets.on('connection', (socket) => {
      socket.on('error', () => {});
      this.#links += 1;
      if (!proves) void behave(socket);
      else {
        socket.send(JSON.stringify({ type: 'challenge', nonce: 'n', podName: podUid, podUid }));
        // The hello of the operator; who is not sent one misbehaves before.
        socket.once('message', () => void behave(socket));
      }
    });
  }

  /** @param proves whether it sends the challenge before it misbehaves */
  static async start(keys: EdgeLinkKeys, podUid: string, behave: Behaviour, proves = true): Promise<BrokenInto> {
    const server = createServer({ cert: keys['tls.crt'], key: keys['tls.key'] });
    const edge = new BrokenInto(server, podUid, behave, proves);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return edge;
  }

  /** How often the operator has dialled. */
  get links(): number {
    return this.#links;
  }

  /** Where to dial it. */
  endpoint(): EdgeEndpoint {
    const { address, port } = this.#server.address() as AddressInfo;
    const where = { internalAddress: `${address}:8081`, linkAddress: `${address}:${port}` };
    return { podName: this.#podUid, podUid: this.#podUid, ...where, ready: true, terminating: false };
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
