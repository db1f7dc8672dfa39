import { ApiError, apiErrorOfWatchEvent } from '../client/api-error.ts';
import type { WatchEvent } from '../client/client.ts';
import { type Client, type KubernetesObject, keyOf, type ResourceType, type Selection } from '../client/client.ts';
import { isTypedError, messageOf } from '../errors/error.ts';
import { type Clock, MONOTONIC_CLOCK, pause } from '../queue/clock.ts';
import { createBackOff } from './back-off.ts';
import { withLazyStatus } from './lazy-status.ts';
import { rawMetadataOf } from './raw-metadata.ts';
import { compareResourceVersions } from './resource-version.ts';
import { type IndexFunction, type ReadonlyStore, Store, type StoreChange, type ToldChange } from './store.ts';
import { withoutBallast } from './trim.ts';
import type { VersionedCache } from './written-versions.ts';

/** What a reflector is made of. */
export interface ReflectorOptions<T extends KubernetesObject> {
  readonly client: Pick<Client, 'list' | 'watch'>;
  readonly type: ResourceType<T>;
  readonly selection?: Selection;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Measures silence and waits between attempts. */
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Trouble that is being dealt with: failed lists, broken watches, objects that cannot be read. */
  readonly onTrouble?: (message: string) => void;
}

/** Keeps a store equal to the API server's objects of one kind, whatever happens to the connection. */
export interface Reflector<T extends KubernetesObject> extends VersionedCache {
  readonly store: ReadonlyStore<T>;
  /** Resolves after the first complete list. */
  readonly synced: Promise<void>;
  /** Last word from the server in ms since the epoch, bookmarks included; 0 before the first. */
  readonly lastHeardAt: number;
  /**
   * Told of every change, in order; of what is in the store already, at once. Must not throw; a handler that does is
   * reported and the rest goes on.
   */
  onChange(handler: (change: ToldChange<T>) => void): void;
  /** Begins, once. */
  start(): void;
  /** Resolves when no connection and no timer is left. */
  stop(): Promise<void>;
}

/** Large enough for few round trips, small enough not to hold up the event loop while a page is parsed. */
const PAGE_LIMIT = 500;
/** The server ends a watch after a time out of this range, so that many clients do not come back at once. */
const WATCH_TIMEOUT_SECONDS = { least: 300, most: 600 } as const;
/** Bookmarks come about once a minute: a watch silent for twice as long, and a little, is dead. */
const SILENCE_MILLISECONDS = 150_000;
const SILENT = 'Silent';
/** A watch that the server ends sooner than this is no healthy one: wait before the next. */
const SHORTEST_WATCH_MILLISECONDS = 1000;

/** Makes a reflector that does nothing yet: {@link Reflector.start}. */
export function createReflector<T extends KubernetesObject>(options: ReflectorOptions<T>): Reflector<T> {
  return new ListWatchReflector(options);
}

class ListWatchReflector<T extends KubernetesObject> implements Reflector<T> {
  readonly store: Store<T>;
  readonly synced: Promise<void>;
  lastHeardAt = 0;
  readonly #options: ReflectorOptions<T>;
  readonly #now: () => number;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #handlers: ((change: ToldChange<T>) => void)[] = [];
  readonly #stopping = new AbortController();
  readonly #firstList = Promise.withResolvers<void>();
  #isSynced = false;
  #running: Promise<void> | null = null;
  /** Empty: a list is needed. */
  #resourceVersion = '';

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#clock = options.clock ?? MONOTONIC_CLOCK;
    this.#random = options.random ?? Math.random;
    this.store = new Store(options.indexes);
    this.synced = this.#firstList.promise;
  }

  get name(): string {
    return this.#options.type.plural;
  }

  get resourceVersion(): string {
    return this.#resourceVersion;
  }

  onChange(handler: (change: ToldChange<T>) => void): void {
    this.#handlers.push(handler);
    for (const after of this.store.list()) this.#call(handler, { before: null, after, initial: true });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const backOff = createBackOff(this.#random);
    while (!signal.aborted) {
      const startedAt = this.#clock.now();
      let atLeastMilliseconds = 0;
      try {
        if (this.#resourceVersion === '') await this.#list(signal);
        await this.#watch(signal);
        // The server ended the watch in its time: go on from the last version at once.
        if (this.#clock.now() - startedAt >= SHORTEST_WATCH_MILLISECONDS) continue;
      } catch (error) {
        if (signal.aborted) return;
        this.#judge(error);
        if (isTypedError(error)) atLeastMilliseconds = (error.retryAfterSeconds ?? 0) * 1000;
      }
      const wait = backOff.next(this.#clock.now() - startedAt);
      await pause(Math.max(wait, atLeastMilliseconds), this.#clock, signal);
    }
  }

  /** The whole kind, page by page; a page token that expired starts the list anew by throwing. */
  async #list(signal: AbortSignal): Promise<void> {
    const { client, type, selection = {} } = this.#options;
    const objects: T[] = [];
    const unreadable = new Set<string>();
    let continueToken = '';
    let resourceVersion = '';
    do {
      const page = await client.list(type, selection, { limit: PAGE_LIMIT, continueToken, signal });
      for (const item of page.items) {
        const object = this.#parse(item);
        if (object === null) unreadable.add(keyOf(rawMetadataOf(item)));
        else objects.push(object);
      }
      ({ continueToken, resourceVersion } = page);
    } while (continueToken !== '');
    this.#resourceVersion = resourceVersion;
    this.lastHeardAt = this.#now();
    this.#tell(this.store.replace(objects, unreadable), !this.#isSynced);
    this.#isSynced = true;
    this.#firstList.resolve();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, type, selection = {} } = this.#options;
    const { least, most } = WATCH_TIMEOUT_SECONDS;
    const timeoutSeconds = Math.round(least + this.#random() * (most - least));
    const resourceVersion = this.#resourceVersion;
    const silence = new AbortController();
    let heardAt = this.#clock.now();
    let cancel = () => {};
    // Set anew only when it is due: most watches hear something many times a second.
    const watchOver = (milliseconds: number) => {
      cancel = this.#clock.setTimer(() => {
        const left = heardAt + SILENCE_MILLISECONDS - this.#clock.now();
        if (left <= 0) silence.abort(silent(type.plural));
        else watchOver(left);
      }, milliseconds);
    };
    watchOver(SILENCE_MILLISECONDS);
    const either = AbortSignal.any([signal, silence.signal]);
    try {
      for await (const event of client.watch(type, { ...selection, resourceVersion, timeoutSeconds }, either)) {
        heardAt = this.#clock.now();
        this.lastHeardAt = this.#now();
        this.#take(event);
      }
    } catch (error) {
      throw silence.signal.aborted ? silence.signal.reason : error;
    } finally {
      cancel();
    }
  }

  /** Events that are not newer than what is known (duplicates, late ones) change nothing. */
  #take(event: WatchEvent): void {
    if (event.type === 'ERROR') throw apiErrorOfWatchEvent(`watch ${this.#options.type.plural}`, event.object);
    const metadata = rawMetadataOf(event.object);
    if (compareResourceVersions(metadata.resourceVersion, this.#resourceVersion) <= 0) return;
    if (event.type === 'DELETED') this.#tell(this.store.delete(metadata));
    else if (event.type !== 'BOOKMARK') {
      const object = this.#parse(event.object);
      if (object !== null) this.#tell(this.store.set(object));
    }
    this.#resourceVersion = metadata.resourceVersion;
  }

  #parse(raw: unknown): T | null {
    const { type } = this.#options;
    try {
      const trimmed = withoutBallast(raw);
      const known = this.store.get(keyOf(rawMetadataOf(raw)));
      const echo = known === undefined ? null : withLazyStatus(type, known, trimmed);
      const object = echo ?? type.parse(trimmed);
      const { resourceVersion = '' } = object.metadata;
      compareResourceVersions(resourceVersion, resourceVersion);
      return object;
    } catch (error) {
      this.#trouble(`${type.kind} ${keyOf(rawMetadataOf(raw))} cannot be read and is left out: ${messageOf(error)}`);
      return null;
    }
  }

  /**
   * Which errors make the known resource version useless: Expired; a server that was restored to an older state, which
   * says so or, to a watch, nothing at all until that version comes; versions that are no numbers.
   */
  #judge(error: unknown): void {
    const expired = error instanceof ApiError && (error.status === 410 || error.code === 'Expired');
    const tooLarge = error instanceof Error && error.message.includes('Too large resource version');
    const isSilent = error instanceof ApiError && error.code === SILENT;
    if (expired || tooLarge || isSilent || error instanceof RangeError) this.#resourceVersion = '';
    this.#trouble(`${this.#options.type.plural}: ${messageOf(error)}`);
  }

  #tell(changes: readonly StoreChange<T>[], initial = false): void {
    for (const change of changes) {
      for (const handler of this.#handlers) this.#call(handler, { ...change, initial });
    }
  }

  #call(handler: (change: ToldChange<T>) => void, change: ToldChange<T>): void {
    try {
      handler(change);
    } catch (error) {
      this.#trouble(`a handler of ${this.#options.type.plural} failed: ${messageOf(error)}`);
    }
  }

  #trouble(message: string): void {
    this.#options.onTrouble?.(message);
  }
}

function silent(plural: string): ApiError {
  return new ApiError(`watch ${plural}: nothing heard for ${SILENCE_MILLISECONDS / 1000} s, not even a bookmark`, {
    code: SILENT,
    retryable: true,
    status: 504,
  });
}
