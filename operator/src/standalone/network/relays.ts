import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';

/** Where connections go. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** An address that people or programs connect to, and the ready pods behind it, asked at each connection. */
export interface Front {
  readonly address: string;
  readonly port: number;
  readonly targets: () => readonly Target[];
}

/** A pod on this machine takes a connection at once or never. */
const CONNECT_MS = 2000;

/**
 * Who comes before the first pod behind an address is ready waits this long for it, as long as an edge waits for a
 * playlist: in a run that starts everything at once that is no fault of the source.
 */
const FIRST_TARGET_MS = 8000;
const LOOK_MS = 50;

/** One TCP relay for all addresses: deals connections out to the targets of the moment in turn, as kube-proxy does. */
export class Relays {
  readonly #fronts = new Map<string, Front>();
  readonly #servers = new Map<string, Server>();
  readonly #sockets = new Set<Socket>();
  /** Addresses that had a target once: without one they refuse connections, as kube-proxy does. */
  readonly #everReady = new Set<string>();
  #turn = 0;

  /** Opens an address; one that is open gets other targets. @throws SluiceError PORT_IN_USE */
  async open(front: Front): Promise<void> {
    const key = keyOf(front);
    this.#fronts.set(key, front);
    if (this.#servers.has(key)) return;
    const serve = (client: Socket) => void this.#serve(client, key);
    const server = createServer({ allowHalfOpen: true, noDelay: true }, serve).listen(front.port, front.address);
    this.#servers.set(key, server);
    try {
      await once(server, 'listening');
    } catch (cause) {
      this.#servers.delete(key);
      const message = `${key} cannot be opened (${messageOf(cause)})`;
      throw new SluiceError(message, { code: 'PORT_IN_USE', retryable: false, cause });
    }
  }

  /** Ends the addresses that are none of these; connections that stand go on. @param fronts without duplicates */
  keepOnly(fronts: readonly Pick<Front, 'address' | 'port'>[]): void {
    const kept = new Set(fronts.map(keyOf));
    for (const [key, server] of this.#servers) {
      if (kept.has(key)) continue;
      server.close();
      this.#servers.delete(key);
      this.#everReady.delete(key);
    }
  }

  /** Ends all addresses and cuts all connections. */
  async close(): Promise<void> {
    const closed = [...this.#servers.values()].map((server) => once(server, 'close'));
    this.keepOnly([]);
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  async #serve(client: Socket, key: string): Promise<void> {
    this.#track(client);
    const targets = await this.#targets(key);
    this.#turn += 1;
    for (const [tried] of targets.entries()) {
      const target = targets[(this.#turn + tried) % targets.length];
      const pod = target === undefined ? null : await this.#dial(target);
      if (pod === null) continue;
      join(client, pod);
      return;
    }
    client.destroy(); // nobody is ready: a connection that ends at once is tried again by whoever asks
  }

  async #targets(key: string): Promise<readonly Target[]> {
    const now = () => this.#fronts.get(key)?.targets() ?? [];
    for (let waited = 0; waited < FIRST_TARGET_MS && !this.#everReady.has(key); waited += LOOK_MS) {
      if (now().length > 0) this.#everReady.add(key);
      else await sleep(LOOK_MS, undefined, { ref: false });
    }
    return now();
  }

  async #dial({ host, port }: Target): Promise<Socket | null> {
    const pod = connect({ host, port, allowHalfOpen: true, noDelay: true });
    this.#track(pod);
    try {
      await once(pod, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) });
      return pod;
    } catch {
      pod.destroy();
      return null;
    }
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {}); // the end is what counts, not how it came
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

function keyOf({ address, port }: Pick<Front, 'address' | 'port'>): string {
  return `${address}:${port}`;
}

/** Lets both ends talk until either is gone; one that has said all may still listen. */
function join(one: Socket, other: Socket): void {
  if (one.destroyed) other.destroy();
  one.pipe(other).on('close', () => one.destroy());
  other.pipe(one).on('close', () => other.destroy());
}
