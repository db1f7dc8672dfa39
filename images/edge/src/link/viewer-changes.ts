import type { EdgeMessage } from '@sluice/common/link/messages.ts';
import type { CountedViewer } from '../viewers/channel-viewers.ts';

/**
 * Ids in one message: 43 bytes each in JSON, so 20,000 stay under 1 MB, well inside the frame limit, and no message
 * holds up the others for long.
 */
export const MAX_IDS_PER_MESSAGE = 20_000;

type ViewersMessage = Extract<EdgeMessage, { type: 'viewers' }>;

/** Cuts a list into pieces that fit into one message each; an empty list gives one empty piece. */
export function pieces<T>(items: readonly T[]): T[][] {
  const result: T[][] = [];
  for (let start = 0; start < items.length || start === 0; start += MAX_IDS_PER_MESSAGE) {
    result.push(items.slice(start, start + MAX_IDS_PER_MESSAGE));
  }
  return result;
}

/** Everybody who watches a channel here: one snapshot, and changes behind it where one message cannot hold them. */
export function snapshotMessages(uid: string, counted: Iterable<CountedViewer>): ViewersMessage[] {
  return pieces(Array.from(counted, entryOf)).map((joined, index) => ({
    type: 'viewers',
    uid,
    snapshot: index === 0,
    joined,
    left: [],
  }));
}

/**
 * What the operator has to hear of ids that changed: their state now, however often it changed in between.
 * @param find the counted viewer behind a hash, null if there is none any more
 */
export function changeMessages(
  uid: string,
  hashes: Iterable<string>,
  find: (hash: string) => CountedViewer | null,
): ViewersMessage[] {
  const all = [...hashes];
  if (all.length === 0) return [];
  return pieces(all).map((piece) => {
    const states = piece.map((hash) => ({ hash, viewer: find(hash) }));
    return {
      type: 'viewers',
      uid,
      snapshot: false,
      joined: states.flatMap(({ viewer }) => (viewer === null ? [] : [entryOf(viewer)])),
      left: states.flatMap(({ hash, viewer }) => (viewer === null ? [hash] : [])),
    };
  });
}

function entryOf(viewer: CountedViewer): { id: string; trusted: boolean } {
  return { id: viewer.hash, trusted: viewer.trusted };
}
