import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';

/** An address that people or programs connect to, and the ready pods behind it. */
export interface Front {
  readonly address: string;
  readonly port: number;
  readonly targets: readonly { readonly host: string; readonly port: number }[];
}

interface Relay {
  readonly server: Server;
  targets: Front['targets'];
  /** Resolves with its first target; without one it refuses connections from then on, as kube-proxy does. */
  readonly wasReady: PromiseWithResolvers<void>;
}

/**
 * Who comes before the first pod behind an address is ready waits this long for it, as long as an edge waits for a
 * playlist: in a run that starts everything at once that is no fault of the source.
 */
const FIRST_TARGET_MS = 8000;
const OPTIONS = { allowHalfOpen: true, noDelay: true };

/** One TCP relay for all addresses: deals connections out to the targets of the moment in turn, as kube-proxy does. */
export class Relays {
  readonly #relays = new Map<string, Relay>();
  readonly #sockets = new Set<Socket>();
  #turn = 0;

  /** Opens an address, or changes where it leads. @throws SluiceError PORT_IN_USE */
  async open({ address, port, targets }: Front): Promise<void> {
    const key = `${address}:${port}`;
    const known = this.#relays.get(key);
    const relay = known ?? { server: createServer(OPTIONS), targets, wasReady: Promise.withResolvers<void>() };
    relay.targets = targets;
    if (targets.length > 0) relay.wasReady.resolve();
    if (known !== undefined) return;
    this.#relays.set(key, relay);
    try {
      relay.server.on('connection', (client) => void this.#relay(client, relay));
      await once(relay.server.listen(port, address), 'listening');
    } catch (cause) {
      this.#relays.delete(key);
      const message = `${key} cannot be opened (${messageOf(cause)})`;
      throw new SluiceError(message, { code: 'PORT_IN_USE', retryable: false, cause });
    }
  }

  /**
   * Opens these addresses with these targets, and closes all others; connections that stand go on.
   * @param onTrouble told of an address that cannot be opened
   */
  serve(fronts: readonly Front[], onTrouble: (message: string) => void): void {
    const wanted = new Set(fronts.map(({ address, port }) => `${address}:${port}`));
    for (const [key, { server }] of this.#relays) {
      if (wanted.has(key)) continue;
      server.close();
      this.#relays.delete(key);
    }
    for (const front of fronts) this.open(front).catch((error: unknown) => onTrouble(messageOf(error)));
  }

  /** Ends all addresses and cuts all connections. */
  async close(): Promise<void> {
    const closed = [...this.#relays.values()].map(({ server }) => once(server, 'close'));
    this.serve([], () => {});
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  async #relay(client: Socket, relay: Relay): Promise<void> {
    this.#track(client);
    await Promise.race([relay.wasReady.promise, sleep(FIRST_TARGET_MS, undefined, { ref: false })]);
    this.#turn += 1;
    const target = relay.targets[this.#turn % relay.targets.length];
    // Nobody is ready: a connection that ends at once is tried again by whoever asks.
    if (target === undefined || client.destroyed) return void client.destroy();
    const pod = connect({ ...target, ...OPTIONS });
    this.#track(pod);
    await pipeline(client, pod, client).catch(() => {}); // the end is what counts, not how it came
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
