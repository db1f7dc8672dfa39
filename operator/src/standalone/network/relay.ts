import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Where connections go. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** A pod on this machine takes a connection at once or never. */
const CONNECT_MS = 2000;

/** One address whose connections are dealt out to the targets of the moment in turn, as kube-proxy does. */
export class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #targets: () => Promise<readonly Target[]>;
  #turn = 0;

  /** @param targets asked at each connection */
  constructor(targets: () => Promise<readonly Target[]>) {
    this.#targets = targets;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => void this.#serve(client));
  }

  /** @param port 0 for any. @returns the port. @throws the system's error, EADDRINUSE for one */
  async listen(address: string, port: number): Promise<number> {
    this.#server.listen(port, address);
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts all connections. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(client: Socket): Promise<void> {
    this.#track(client);
    const targets = await this.#targets();
    this.#turn += 1;
    for (let tried = 0; tried < targets.length; tried += 1) {
      const target = targets[(this.#turn + tried) % targets.length];
      const pod = target === undefined ? null : await this.#dial(target);
      if (pod === null) continue;
      join(client, pod);
      return;
    }
    client.destroy(); // nobody is ready: a connection that ends at once is tried again by whoever asks
  }

  async #dial({ host, port }: Target): Promise<Socket | null> {
    const pod = connect({ host, port, allowHalfOpen: true, noDelay: true });
    this.#track(pod);
    const timer = setTimeout(() => pod.destroy(new Error('too slow')), CONNECT_MS);
    try {
      await once(pod, 'connect');
      return pod;
    } catch {
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {}); // the end is what counts, not how it came
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

/** Lets both ends talk until either is gone; one that has said all may still listen. */
function join(one: Socket, other: Socket): void {
  if (one.destroyed) other.destroy();
  one.pipe(other).on('close', () => one.destroy());
  other.pipe(one).on('close', () => other.destroy());
}
