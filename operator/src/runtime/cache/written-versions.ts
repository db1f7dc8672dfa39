import type { KubernetesObject } from '../client/client.ts';
import { type Clock, MONOTONIC_CLOCK } from '../queue/clock.ts';
import { compareResourceVersions } from './resource-version.ts';

/** A cache that tells how far it has come; a reflector is one. */
export interface VersionedCache {
  /** What is in it, for messages: the plural of its kind. */
  readonly name: string;
  /** Every change of its kind up to this version is in it; empty before the first list. */
  readonly resourceVersion: string;
}

/**
 * Read-your-writes: which versions the work on a key has written, so that the next work on it waits until the caches have
 * come as far, instead of deciding again on what it has just changed (KEP-5647; resource versions are comparable,
 * KEP-5504). It does for creations, changes and deletions alike what counts of expected events do for some.
 */
export interface WrittenVersions {
  /** The work on `key` got `object` from the API server as the answer to a write; `cache` will show it. */
  wrote(key: string, cache: VersionedCache, object: KubernetesObject): void;
  /** Name of a cache that has not come as far as the work on `key` has; null: all have. */
  behind(key: string): string | null;
}

/**
 * A cache that selects objects does not see all versions of its kind until its next bookmark (once a minute), and an
 * answer may be that of another server. After this time work goes on with what the cache has: names and preconditions
 * guard against doubles in any case.
 */
const PATIENCE_MILLISECONDS = 30_000;

interface Write {
  readonly version: string;
  readonly at: number;
}

/** @param clock measures patience */
export function createWrittenVersions(clock: Clock = MONOTONIC_CLOCK): WrittenVersions {
  const writes = new Map<string, Map<VersionedCache, Write>>();
  return {
    wrote(key, cache, { metadata }) {
      const version = metadata.resourceVersion ?? '';
      if (isIn(cache, version)) return;
      const known = writes.get(key) ?? new Map<VersionedCache, Write>();
      writes.set(key, known.set(cache, { version, at: clock.now() }));
    },
    behind(key) {
      const known = writes.get(key);
      if (known === undefined) return null;
      for (const [cache, { version, at }] of known) {
        const isPatient = clock.now() - at < PATIENCE_MILLISECONDS;
        if (isPatient && !isIn(cache, version)) return cache.name;
        known.delete(cache);
      }
      writes.delete(key);
      return null;
    },
  };
}

/** Versions that are no numbers cannot be waited for. */
function isIn({ resourceVersion }: VersionedCache, version: string): boolean {
  try {
    return compareResourceVersions(resourceVersion === '' ? '0' : resourceVersion, version) >= 0;
  } catch {
    return true;
  }
}
