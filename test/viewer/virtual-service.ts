/** One server behind a name. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/**
 * A name that stands for several servers, as a Service of Kubernetes does: each new connection goes to the next one, and
 * to another where nobody takes it. A connection that lives stays where it is.
 */
export class VirtualService {
  /** Host of the URLs that it takes; no name in any DNS. */
  readonly host: string;
  /** Whether clients ask again over the same connection; else each request goes to the next server. */
  readonly keepsConnections: boolean;
  #endpoints: readonly Endpoint[] = [];
  #turn = 0;
  readonly #connections = new Map<string, number>();

  constructor(host: string, { keepsConnections = true } = {}) {
    this.host = host;
    this.keepsConnections = keepsConnections;
  }

  /** Servers that new connections go to from now on. */
  set endpoints(endpoints: readonly Endpoint[]) {
    this.#endpoints = endpoints;
  }

  /** Servers for the next connection, in the order in which they are tried; empty while there are none. */
  next(): readonly Endpoint[] {
    const all = this.#endpoints;
    this.#turn += 1;
    const first = this.#turn % Math.max(1, all.length);
    return [...all.slice(first), ...all.slice(0, first)];
  }

  /** Connections that are open to a server. */
  connectionsTo(host: string): number {
    return this.#connections.get(host) ?? 0;
  }

  opened({ host }: Endpoint): void {
    this.#connections.set(host, this.connectionsTo(host) + 1);
  }

  closed({ host }: Endpoint): void {
    const left = this.connectionsTo(host) - 1;
    if (left > 0) this.#connections.set(host, left);
    else this.#connections.delete(host);
  }
}
