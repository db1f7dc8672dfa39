import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@sluice/common/errors/error.ts';
import { ApiError, apiErrorOfWatchEvent } from '../client/api-error.ts';
import type { Client, KubernetesObject, ResourceType, Selection, WatchEvent } from '../client/client.ts';
import { createBackOff } from './back-off.ts';
import { type IndexFunction, type ReadonlyStore, Store, type StoreChange } from './store.ts';
import { withoutBallast } from './trim.ts';

/** What a reflector is made of. */
export interface ReflectorOptions<T extends KubernetesObject> {
  readonly client: Client;
  readonly type: ResourceType<T>;
  readonly selection?: Selection;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly random?: () => number;
  /** Trouble that is being dealt with: failed lists, broken watches, objects that cannot be read. */
  readonly onTrouble?: (message: string) => void;
}

/** Keeps a store equal to the API server's objects of one kind, whatever happens to the connection. */
export interface Reflector<T extends KubernetesObject> {
  readonly store: ReadonlyStore<T>;
  /** Resolves after the first complete list. */
  readonly synced: Promise<void>;
  /** Last word from the server in ms since the epoch, bookmarks included; 0 before the first. */
  readonly lastHeardAt: number;
  /** Told of every change, in order. Must not throw; a handler that does is reported and the rest goes on. */
  onChange(handler: (change: StoreChange<T>) => void): void;
  start(): void;
  /** Resolves when no connection and no timer is left. */
  stop(): Promise<void>;
}

/** Large enough for few round trips, small enough not to hold up the event loop while a page is parsed. */
const PAGE_LIMIT = 500;
/** The server ends a watch after a time out of this range, so that many clients do not come back at once. */
const WATCH_TIMEOUT_SECONDS = { least: 300, most: 600 } as const;

export function createReflector<T extends KubernetesObject>(options: ReflectorOptions<T>): Reflector<T> {
  return new ListWatchReflector(options);
}

class ListWatchReflector<T extends KubernetesObject> implements Reflector<T> {
  readonly store: Store<T>;
  readonly synced: Promise<void>;
  lastHeardAt = 0;
  readonly #options: ReflectorOptions<T>;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #handlers: ((change: StoreChange<T>) => void)[] = [];
  readonly #stopping = new AbortController();
  readonly #firstList = Promise.withResolvers<void>();
  #running: Promise<void> = Promise.resolve();
  /** Empty: a list is needed. */
  #resourceVersion = '';

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? Math.random;
    this.store = new Store(options.indexes);
    this.synced = this.#firstList.promise;
  }

  onChange(handler: (change: StoreChange<T>) => void): void {
    this.#handlers.push(handler);
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const backOff = createBackOff(this.#random);
    while (!signal.aborted) {
      const started = this.#now();
      try {
        if (this.#resourceVersion === '') await this.#list();
        await this.#watch(signal);
        // The server ended the watch in its time: go on from the last version at once, unless it ends every one at once.
        if (this.#now() - started > 1000) continue;
      } catch (error) {
        if (signal.aborted) return;
        this.#judge(error);
      }
      await sleep(backOff.next(this.#now() - started), undefined, { signal }).catch(() => {});
    }
  }

  /** The whole kind, page by page; a page token that expired starts the list anew by throwing. */
  async #list(): Promise<void> {
    const { client, type, selection = {} } = this.#options;
    const objects: T[] = [];
    let continueToken = '';
    let resourceVersion = '';
    do {
      const page = await client.list(type, selection, { limit: PAGE_LIMIT, continueToken });
      for (const item of page.items) {
        const object = this.#parse(item);
        if (object !== null) objects.push(object);
      }
      ({ continueToken, resourceVersion } = page);
    } while (continueToken !== '' && !this.#stopping.signal.aborted);
    this.#resourceVersion = resourceVersion;
    this.lastHeardAt = this.#now();
    this.#tell(this.store.replace(objects));
    this.#firstList.resolve();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, type, selection = {} } = this.#options;
    const { least, most } = WATCH_TIMEOUT_SECONDS;
    const timeoutSeconds = Math.round(least + this.#random() * (most - least));
    const resourceVersion = this.#resourceVersion;
    for await (const event of client.watch(type, { ...selection, resourceVersion, timeoutSeconds }, signal)) {
      this.lastHeardAt = this.#now();
      this.#take(event);
    }
  }

  #take(event: WatchEvent): void {
    if (event.type === 'ERROR') throw apiErrorOfWatchEvent(`watch ${this.#options.type.plural}`, event.object);
    const version = resourceVersionOf(event.object);
    if (event.type !== 'BOOKMARK') {
      const object = this.#parse(event.object);
      if (object !== null) this.#tell(event.type === 'DELETED' ? this.store.delete(object) : this.store.set(object));
    }
    if (version !== null) this.#resourceVersion = version;
  }

  #parse(raw: unknown): T | null {
    try {
      return this.#options.type.parse(withoutBallast(raw));
    } catch (error) {
      this.#trouble(`${this.#options.type.kind} ${nameIn(raw)} cannot be read and is left out: ${messageOf(error)}`);
      return null;
    }
  }

  /** Which errors make the known resource version useless: Expired, and a server that was restored to an older state. */
  #judge(error: unknown): void {
    const expired = error instanceof ApiError && (error.status === 410 || error.code === 'Expired');
    const tooLarge = error instanceof Error && error.message.includes('Too large resource version');
    if (expired || tooLarge) this.#resourceVersion = '';
    this.#trouble(`${this.#options.type.plural}: ${messageOf(error)}`);
  }

  #tell(changes: readonly StoreChange<T>[]): void {
    for (const change of changes) {
      for (const handler of this.#handlers) {
        try {
          handler(change);
        } catch (error) {
          this.#trouble(`a handler of ${this.#options.type.plural} failed: ${messageOf(error)}`);
        }
      }
    }
  }

  #trouble(message: string): void {
    this.#options.onTrouble?.(message);
  }
}

function metadataOf(raw: unknown): Readonly<Record<string, unknown>> {
  if (typeof raw !== 'object' || raw === null || !('metadata' in raw)) return {};
  return typeof raw.metadata === 'object' && raw.metadata !== null ? (raw.metadata as Record<string, unknown>) : {};
}

function resourceVersionOf(raw: unknown): string | null {
  const version = metadataOf(raw).resourceVersion;
  return typeof version === 'string' && version !== '' ? version : null;
}

function nameIn(raw: unknown): string {
  const { namespace, name } = metadataOf(raw);
  return [namespace, name].filter((part) => typeof part === 'string').join('/') || 'without a name';
}
