import { rm } from 'node:fs/promises';
import type { Route } from '@sluice/common/link/route.ts';
import type { KnownSegment } from '../source/intake.ts';
import type { ChannelFiles } from '../storage/files.ts';
import { emptied, listedSeconds, type TimelineLog, urisOfEntry } from '../timeline/log.ts';
import { isStoredName } from '../timeline/names.ts';
import { loadTimeline, type StoredTimeline, saveTimeline } from '../timeline/store.ts';
import { keyOf } from '../viewers/audiences.ts';
import type { OwnerContext } from './owner-context.ts';
import type { UnderWay } from './under-way.ts';

/** What an earlier run of this pod has left of a channel. */
export interface SavedChannel {
  /** Null where nothing usable is stored. */
  readonly log: TimelineLog | null;
  /** What was taken of the source; null where the stored timeline is of another source. */
  readonly known: readonly KnownSegment[] | null;
  /** What the owner before had under way; nothing where nobody was it until now. */
  readonly underWay?: UnderWay;
  /** As of a copy. */
  readonly newestAt?: number;
}

/** Whether a stored timeline is older than the film in it: then no viewer can have any of it left to play. */
function outlived(stored: StoredTimeline, now: number): boolean {
  return now - stored.savedAt > listedSeconds(stored.log) * 1000;
}

/** Whether every file that the log names is there: one that is not must not be listed again. */
function complete(log: TimelineLog, files: ChannelFiles): boolean {
  const stored = log.entries.filter((entry) => !entry.gap).flatMap(urisOfEntry);
  return stored.every((name) => !isStoredName(name) || files.has(name));
}

/**
 * Reads what is stored of a channel at `now` (ms since the epoch). Files that no listed entry can name any more go: of
 * another Channel of that name, and of a timeline that has outlived its film or lost some of it, whose numbers alone go
 * on. Throws the file system's errors.
 */
export async function openSaved(
  route: Route,
  statePath: string,
  files: ChannelFiles,
  now: number,
): Promise<SavedChannel> {
  const stored = await loadTimeline(statePath);
  if (stored === null || stored.uid !== route.uid) {
    await files.clear();
    return { log: null, known: [] };
  }
  const known = stored.sourceUri === route.source.uri ? stored.known : null;
  // It was stored as its newest segment was listed.
  if (!outlived(stored, now) && complete(stored.log, files))
    return { log: stored.log, known, newestAt: Math.min(stored.savedAt, now) };
  await files.clear();
  return { log: emptied(stored.log), known };
}

/**
 * Stores what its owner has published of a channel. A timeline that cannot be stored is still right: only a restart of this
 * process would lose its end. Never throws.
 */
export async function saveOwned(
  { route, log, known }: { readonly route: Route; readonly log: TimelineLog; readonly known: readonly KnownSegment[] },
  { clock, logger, statePath }: Pick<OwnerContext, 'clock' | 'logger' | 'statePath'>,
): Promise<void> {
  const { uid, source } = route;
  const stored = { version: 1, uid, sourceUri: source.uri, savedAt: clock.now(), log, known } as const;
  await saveTimeline(statePath, stored).catch((error: unknown) =>
    logger.warn({ err: error, channel: keyOf(route) }, 'timeline not stored'),
  );
}

/** Removes everything that an edge has stored of a channel. Throws the file system's errors. */
export async function removeSaved(
  { statePath, folder }: Pick<OwnerContext, 'statePath' | 'folder'>,
  files: ChannelFiles,
): Promise<void> {
  // The timeline first: what is left of an end that is cut short lists nothing.
  await rm(statePath, { force: true });
  await files.clear();
  await rm(folder, { recursive: true, force: true });
}
