import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../client/api-error.ts';
import type { Client, KubernetesObject, ObjectName } from '../client/client.ts';
import { EVENT_TYPE, type EventRecord, eventNameOf, eventObject, type Reporter, seriesObject } from './event-object.ts';
import { RateLimit } from './rate-limit.ts';

export type { EventRecord } from './event-object.ts';

/** Writes events without ever holding up or failing its caller. */
export interface EventRecorder {
  /**
   * Tells of something. The same (object, type, reason, note) is written once in two minutes; told again later, it
   * becomes a series, with the count of all that were told meanwhile.
   */
  record(regarding: KubernetesObject, event: EventRecord): void;
  /** Resolves when everything recorded so far is written or given up. No waiting between attempts from here on. */
  flush(): Promise<void>;
  /** Events that were not written: too many of one object, too many in all, or given up. */
  readonly dropped: number;
}

/** What a recorder is made of. */
export interface RecorderOptions extends Reporter {
  readonly client: Pick<Client, 'create' | 'apply'>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Waits between attempts, for tests. */
  readonly wait?: (milliseconds: number) => Promise<unknown>;
  readonly onTrouble?: (message: string, error: unknown) => void;
}

/** The same event about the same object is told once in this time: describe stays readable. */
const DEDUPE_MILLISECONDS = 120_000;
/** The API server forgets events after an hour: what is older than this begins a new one. */
const SERIES_MILLISECONDS = 3_000_000;
/** Waiting events; more means that the API server is away, and old news can go. */
const QUEUE_LIMIT = 1000;
/** Different events that are remembered for de-duplication: an hour of a busy program. */
const TOLD_LIMIT = 10_000;
/** Attempts for one event, 1 s, 2 s and 4 s apart: what does not help then is not worth holding up the others. */
const ATTEMPTS = 4;

/** An event that was told: where it stands and how often it happened. */
interface Told {
  readonly name: ObjectName;
  readonly createdAt: number;
  writtenAt: number;
  count: number;
}

interface Waiting {
  readonly regarding: KubernetesObject;
  readonly event: EventRecord;
  readonly told: Told;
  readonly at: number;
  /** 1: a new event; more: the series of one that exists. */
  readonly count: number;
}

/** Makes a recorder; it has nothing to stop. */
export function createEventRecorder(options: RecorderOptions): EventRecorder {
  return new QueueRecorder(options);
}

class QueueRecorder implements EventRecorder {
  dropped = 0;
  readonly #options: RecorderOptions;
  readonly #now: () => number;
  readonly #limit: RateLimit;
  readonly #told = new Map<string, Told>();
  readonly #waiting: Waiting[] = [];
  #writing: Promise<void> | null = null;
  #hurry = Promise.withResolvers<void>();
  #hurried = false;
  #sequence = 0;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#limit = new RateLimit(this.#now);
  }

  record(regarding: KubernetesObject, event: EventRecord): void {
    const at = this.#now();
    const key = keyOfEvent(regarding, event);
    const known = this.#told.get(key);
    const goesOn = known !== undefined && at - known.createdAt < SERIES_MILLISECONDS;
    if (goesOn) known.count += 1;
    if (goesOn && at - known.writtenAt < DEDUPE_MILLISECONDS) return;
    if (this.#waiting.length >= QUEUE_LIMIT || !this.#limit.take(regarding.metadata.uid ?? '')) {
      this.dropped += 1;
      return;
    }
    const told = goesOn ? known : { name: this.#nameOf(regarding, at), createdAt: at, writtenAt: at, count: 1 };
    told.writtenAt = at;
    this.#remember(key, told);
    this.#waiting.push({ regarding, event, told, at, count: told.count });
    this.#writing ??= this.#drain();
  }

  async flush(): Promise<void> {
    this.#hurried = true;
    this.#hurry.resolve();
    await this.#writing;
    this.#hurried = false;
    this.#hurry = Promise.withResolvers();
  }

  async #drain(): Promise<void> {
    await null; // the caller of record() goes on first
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await this.#deliver(next);
    }
    this.#writing = null;
  }

  async #deliver(waiting: Waiting): Promise<void> {
    const { wait = sleepWithoutHolding, onTrouble } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#write(waiting);
        return;
      } catch (error) {
        const again = error instanceof ApiError && error.retryable && attempt < ATTEMPTS && !this.#hurried;
        if (!again) {
          this.dropped += 1;
          onTrouble?.(`event ${waiting.event.reason} could not be written`, error);
          return;
        }
        const milliseconds = Math.max(1000 * 2 ** (attempt - 1), (error.retryAfterSeconds ?? 0) * 1000);
        await Promise.race([wait(milliseconds), this.#hurry.promise]);
      }
    }
  }

  async #write({ regarding, event, told, at, count }: Waiting): Promise<void> {
    const { client } = this.#options;
    if (count > 1) {
      const series = seriesObject(told.name, count, at);
      const gone = await client.apply(EVENT_TYPE, series, this.#options.controller).then(() => false, isGone);
      if (!gone) return;
    }
    const name = count > 1 ? this.#nameOf(regarding, at) : told.name;
    await client.create(EVENT_TYPE, eventObject(name, regarding, event, this.#options, at));
  }

  #nameOf(regarding: KubernetesObject, at: number): ObjectName {
    this.#sequence = (this.#sequence + 1) % 1_000_000;
    return eventNameOf(regarding, at, this.#sequence);
  }

  #remember(key: string, told: Told): void {
    this.#told.delete(key);
    this.#told.set(key, told);
    const [oldest] = this.#told.keys();
    if (this.#told.size > TOLD_LIMIT && oldest !== undefined) this.#told.delete(oldest);
  }
}

/** A wait that does not keep the process from ending. */
function sleepWithoutHolding(milliseconds: number): Promise<void> {
  return sleep(milliseconds, undefined, { ref: false });
}

/** An apply to an event that the server has forgotten would make one without what an event needs: `Invalid`. */
function isGone(error: unknown): boolean {
  if (error instanceof ApiError && (error.code === 'Invalid' || error.code === 'NotFound')) return true;
  throw error;
}

function keyOfEvent(regarding: KubernetesObject, event: EventRecord): string {
  const parts = [regarding.metadata.uid, event.type, event.reason, event.note];
  return hash('sha256', parts.join('\n'), 'base64url');
}
