import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { backoffMs } from '../owner/backoff.ts';
import type { RungSegment } from './encoder-run.ts';

/**
 * Most segments of a rung that wait for the owner. With the constant lag a segment that is two target durations old
 * has missed its publication, so older ones only cost memory.
 */
const MOST_WAITING = 4;

/** How segments leave the agent, and what becomes of them. */
export interface UploaderOptions {
  put(segment: RungSegment): Promise<void>;
  stored(segment: RungSegment): void;
  /** Given up: refused by the owner, or too old. */
  dropped(segment: RungSegment, reason: string): void;
  /** A newer attempt of the session works: this agent has to end. */
  superseded(): void;
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

interface Lane {
  readonly waiting: RungSegment[];
  running: Promise<void> | null;
}

/** Hands segments to the owner: each rung in order and for itself, with retries; memory is bounded per rung. */
export class Uploader {
  readonly #options: UploaderOptions;
  readonly #lanes = new Map<string, Lane>();
  #closed = false;

  constructor(options: UploaderOptions) {
    this.#options = options;
  }

  /** Queues a segment; the oldest waiting one of its rung gives way when there are too many. */
  add(segment: RungSegment): void {
    const lane = this.#lanes.get(segment.rung) ?? { waiting: [], running: null };
    this.#lanes.set(segment.rung, lane);
    lane.waiting.push(segment);
    // The first one is being sent.
    const oldest = lane.waiting.length > MOST_WAITING ? lane.waiting.splice(1, 1)[0] : undefined;
    if (oldest !== undefined) this.#options.dropped(oldest, 'the owner takes segments too slowly');
    lane.running ??= this.#run(lane);
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.running));
  }

  /** Gives up on what waits. */
  close(): void {
    this.#closed = true;
  }

  async #run(lane: Lane): Promise<void> {
    for (let segment = lane.waiting[0]; segment !== undefined && !this.#closed; segment = lane.waiting[0]) {
      await this.#send(segment, () => lane.waiting.length >= MOST_WAITING);
      lane.waiting.shift();
    }
    lane.running = null;
  }

  async #send(segment: RungSegment, isOld: () => boolean): Promise<void> {
    for (let failures = 1; !this.#closed; failures++) {
      try {
        await this.#options.put(segment);
        return this.#options.stored(segment);
      } catch (error) {
        if (error instanceof SluiceError && error.code === 'SUPERSEDED') return this.#options.superseded();
        const final = !(error instanceof SluiceError && error.retryable);
        if (final || isOld()) return this.#options.dropped(segment, messageOf(error));
        await this.#options.sleep(backoffMs(failures, this.#options.random()));
      }
    }
  }
}
