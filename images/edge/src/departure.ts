import type { Logger } from '@sluice/common/log/log.ts';
import type { Clock } from './channel/clock.ts';
import type { ChannelService } from './channel/service.ts';

/**
 * Longest time in ms for handing channels over: three successors that do not answer cost 1.5 s each, and an edge that owns
 * thousands asks for them in turns. Far below the pod's grace period: what is not handed over by then is taken over by
 * successors once it is silent.
 */
const HAND_OVER_MS = 8_000;

/** What an edge needs to leave. */
export interface DepartureParts {
  readonly channels: Pick<ChannelService, 'leave'>;
  /** Tells the operator, which names this edge the owner of nothing any more. */
  readonly tell: () => void;
  /** Ends what never ends by itself: event streams would keep nginx from stopping. */
  readonly endStreams: () => void;
  /** Called once when the pod stays although the edge has left: it has to begin anew. */
  readonly stays: () => void;
  /** Calls back when nginx is started again. @returns what ends that */
  readonly watchNginx: (started: () => void) => () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The end of an edge as long as it still serves: unready, its channels with others, its viewers on their way. */
export class Departure {
  readonly #parts: DepartureParts;
  #handingOver: Promise<void> | null = null;
  #isOver = false;
  #unwatch = (): void => {};

  constructor(parts: DepartureParts) {
    this.#parts = parts;
  }

  get hasBegun(): boolean {
    return this.#handingOver !== null;
  }

  /** Begins it, once; resolves when the channels are with others, or after 8 s. Never rejects. */
  begin(): Promise<void> {
    this.#handingOver ??= this.#handOver();
    return this.#handingOver;
  }

  /**
   * Begins it, and goes on serving for at least so many seconds, until load balancers have noticed; then streams end, and
   * nginx may stop.
   */
  async last(seconds: number): Promise<void> {
    const served = new Promise<void>((resolve) => void this.#parts.clock.after(seconds * 1000, resolve));
    await Promise.all([this.begin(), served]);
    if (this.#isOver) return;
    this.#parts.endStreams();
    this.#unwatch();
    this.#unwatch = this.#parts.watchNginx(this.#parts.stays);
  }

  /** The process ends. */
  close(): void {
    this.#isOver = true;
    this.#unwatch();
  }

  async #handOver(): Promise<void> {
    const { channels, tell, clock, log } = this.#parts;
    tell();
    let cancel = (): void => {};
    const limit = new Promise<null>((resolve) => {
      cancel = clock.after(HAND_OVER_MS, () => resolve(null));
    });
    const departure = await Promise.race([channels.leave(), limit]).catch((error: unknown) => {
      log.error({ err: error }, 'channels could not be handed over; successors will miss this edge');
      return null;
    });
    cancel();
    log.info(departure ?? {}, departure === null ? 'not all channels are handed over' : 'channels are handed over');
  }
}
