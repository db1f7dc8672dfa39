import { refusal } from '../client/api-error.ts';
import type { JsonObject } from './fields.ts';
import type { ServedKind } from './served-kind.ts';

/** One change that watches see. */
export interface StoredEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resourceVersion: number;
  readonly kind: ServedKind;
  /** The object before the change; null for a new one. */
  readonly before: JsonObject | null;
  /** The object after the change; for DELETED its last state, with a version of its own. */
  readonly object: JsonObject;
}

/** A server that starts with version 1 would hide who takes versions for indexes. */
const FIRST_VERSION = 1000;
/** Some 10 MB of large objects. */
const EVENTS_MIN = 2000;

/** The changes of a store by version: the latest ones, and who wants to hear of the next. */
export class History {
  /** The version of the latest change. */
  version = FIRST_VERSION;
  readonly #limit: number;
  readonly #listeners = new Set<(event: StoredEvent) => void>();
  readonly #untold: StoredEvent[] = [];
  #isTelling = false;
  #events: StoredEvent[] = [];
  #oldest = FIRST_VERSION;

  /** @param limit events kept at least; at most twice as many */
  constructor(limit = EVENTS_MIN) {
    this.#limit = limit;
  }

  /** Keeps a change and tells everybody; a listener that writes is told of that after the others know of this one. */
  record(change: Omit<StoredEvent, 'resourceVersion'>): void {
    this.version += 1;
    const event = { ...change, resourceVersion: this.version };
    this.#events.push(event);
    if (this.#events.length > 2 * this.#limit) {
      this.#events = this.#events.slice(-this.#limit);
      this.#oldest = this.version - this.#limit;
    }
    this.#untold.push(event);
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let next = this.#untold.shift(); next !== undefined; next = this.#untold.shift()) {
        for (const listener of this.#listeners) listener(next);
      }
    } finally {
      this.#isTelling = false;
    }
  }

  /** Events after a version, none for one of the future. @throws ApiError `Expired` for one that is forgotten */
  since(asked: string): readonly StoredEvent[] {
    if (Number(asked) < this.#oldest) {
      throw refusal(410, 'Expired', `too old resource version: ${asked} (${this.#oldest})`);
    }
    return this.#events.filter((event) => event.resourceVersion > Number(asked));
  }

  /** Forgets all, so that a watch from any version before now is Expired. @param versions to go on from here, or back */
  forget(versions: number): void {
    this.version += versions;
    this.#oldest = this.version;
    this.#events = [];
  }

  /** @returns ends it */
  onEvent(listener: (event: StoredEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
