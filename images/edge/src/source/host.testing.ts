import { VirtualClock } from '../testing/virtual-clock.ts';
import { HostConnections, type Turn, type Wish } from './host-connections.ts';

/** Connections at a time. */
export const MOST = 6;

/** Connections to a host on a virtual clock; a connection is its number. */
export class Host {
  readonly clock = new VirtualClock(0, () => new Promise((resolve) => setImmediate(resolve)));
  readonly open = new Set<number>();
  readonly busy = new Map<number, number>();
  opened = 0;
  /** Most that were open at a time. */
  peak = 0;
  capacity = 1;
  targetDurationSeconds: number | null = 2;
  readonly #abort = new AbortController();
  readonly connections = new HostConnections<number>({
    clock: this.clock,
    targetDurationSeconds: () => this.targetDurationSeconds,
    open: () => {
      this.opened += 1;
      this.open.add(this.opened);
      this.peak = Math.max(this.peak, this.open.size);
      return this.opened;
    },
    close: (connection) => this.open.delete(connection),
    capacityOf: () => this.capacity,
    most: MOST,
  });

  wish(changes: Partial<Wish> = {}): Wish {
    return { isPlaylist: false, isDue: false, signal: this.#abort.signal, ...changes };
  }

  async turn(changes: Partial<Wish> = {}): Promise<Turn<number>> {
    const turn = await this.connections.turn(this.wish(changes));
    this.busy.set(turn.connection, (this.busy.get(turn.connection) ?? 0) + 1);
    return turn;
  }

  end(turn: Turn<number>): void {
    this.busy.set(turn.connection, (this.busy.get(turn.connection) ?? 0) - 1);
    turn.end();
  }

  /** A request whose answer takes so long; resolves with the time at which it was over. */
  async request(ms: number, changes: Partial<Wish> = {}): Promise<number> {
    const turn = await this.turn(changes);
    await new Promise<void>((resolve) => this.clock.after(ms, resolve));
    this.connections.answeredIn(ms);
    this.end(turn);
    return this.clock.now();
  }
}
