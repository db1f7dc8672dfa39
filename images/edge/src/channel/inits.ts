import type { InitInspection } from '@sluice/common/mp4/init.ts';
import { MAX_INIT_BYTES } from '@sluice/common/mp4/section.ts';
import { checkedInit } from '../source/init.ts';
import type { SourceMap } from '../source/parse.ts';
import { mapsOf, type TimelineLog } from '../timeline/log.ts';
import { mapName } from '../timeline/names.ts';
import type { DownloadContext } from './download.ts';
import { type Fetchable, filesOfSegment, type PendingSegment } from './pending.ts';

/** Limit for the whole section in ms; a viewer waits 10 s for a first segment. */
const INIT_TIMEOUT_MS = 8_000;

/**
 * Sections kept in mind: a live window has one of each rendition, or two around a break; a source with more pays for it by
 * requests.
 */
const MAX_KNOWN = 24;

/** A Media Initialization Section whose bytes are stored. */
export interface StoredInit {
  readonly name: string;
  /** Null where it, or what needs it, is encrypted. */
  readonly inspection: InitInspection | null;
}

/**
 * The Media Initialization Sections of one channel: each is fetched once per epoch and discontinuity (behind which a
 * source may have other bytes under the old name), however many segments need it, and stored before any of them.
 */
export class Inits {
  readonly #known = new Map<string, Promise<StoredInit>>();
  readonly #names = new Map<string, string>();

  /** Names of the stored sections that listed and coming segments need. */
  needed(log: TimelineLog, pending: readonly PendingSegment[]): ReadonlySet<string> {
    const listed = log.entries.flatMap(mapsOf);
    const coming = pending
      .flatMap(filesOfSegment)
      .map((segment) =>
        segment.download.state === 'stored' ? segment.download.map : (this.#names.get(keyOf(segment)) ?? null),
      );
    return new Set([...listed, ...coming].filter((map) => map !== null));
  }

  /** The stored section that a segment needs. Throws SEGMENT_BROKEN and the errors of the client and of the storage. */
  async get(segment: Fetchable, map: SourceMap, context: DownloadContext): Promise<StoredInit> {
    const key = keyOf(segment);
    const known = this.#known.get(key);
    const stored = await known;
    if (stored !== undefined && context.files.has(stored.name)) return stored;
    // What no segment needed for a while has been removed since; the first that notices fetches it for all.
    if (this.#known.get(key) === known) this.#known.delete(key);
    return this.#known.get(key) ?? this.#remember(key, this.#fetch(key, segment, map, context));
  }

  /** Forgets everything: the channel's files are gone, or will be. */
  clear(): void {
    this.#known.clear();
    this.#names.clear();
  }

  #remember(key: string, fetched: Promise<StoredInit>): Promise<StoredInit> {
    this.#known.set(key, fetched);
    fetched.catch(() => {
      if (this.#known.get(key) !== fetched) return;
      this.#known.delete(key);
      this.#names.delete(key);
    });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) {
      this.#known.delete(oldest);
      this.#names.delete(oldest);
    }
    return fetched;
  }

  async #fetch(
    key: string,
    { epoch, source, publishAt }: Fetchable,
    map: SourceMap,
    context: DownloadContext,
  ): Promise<StoredInit> {
    const answer = await context.client.read({
      url: map.uri,
      headers: context.headers,
      maxBytes: MAX_INIT_BYTES,
      timeoutMs: INIT_TIMEOUT_MS,
      signal: context.signal,
      isDue: publishAt <= context.clock.now(),
      ...(map.range === null ? {} : { range: map.range }),
    });
    const isEncrypted = source.keys.length > 0 || source.mapKeys.length > 0;
    const inspection = isEncrypted ? null : checkedInit(answer.bytes);
    const name = mapName(context.uid, epoch, answer.bytes);
    // Needed from here on: a file of this name may be left from before, and due to be removed.
    if (this.#known.has(key)) this.#names.set(key, name);
    if (!context.files.has(name) && !context.signal.aborted) await context.files.write(name, answer.bytes);
    return { name, inspection };
  }
}

function keyOf({ epoch, period, source }: Fetchable): string {
  const { map, keys, mapKeys } = source;
  return JSON.stringify([epoch, period, map, keys.length > 0, mapKeys.map(({ uri }) => uri)]);
}
