import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A network between two edges that can be cut: what is sent is lost, and nobody is told, as by a switch that fails. */
export class Cable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  private constructor(to: { readonly host: string; readonly port: number }) {
    this.#server = createServer((near) => {
      const far = connect(to);
      for (const [from, into] of [[near, far] as const, [far, near] as const]) {
        this.#sockets.add(from);
        from.on('data', (bytes) => {
          if (!this.#isCut) into.write(bytes);
        });
        from.on('error', () => into.destroy());
        from.on('close', () => {
          this.#sockets.delete(from);
          if (!this.#isCut) into.destroy();
        });
      }
    });
  }

  /** Lays one. @param address `host:port` of the far end */
  static async lay(address: string): Promise<Cable> {
    const { hostname, port } = new URL(`http://${address}`);
    const cable = new Cable({ host: hostname, port: Number(port) });
    await new Promise<void>((resolve) => cable.#server.listen(0, '127.0.0.1', resolve));
    return cable;
  }

  /** `host:port` of the near end. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    this.#isCut = true;
  }

  /** Connections of before are lost. */
  mend(): void {
    this.#isCut = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
