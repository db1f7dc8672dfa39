/**
 * How dear a stored file is to its channel. The order of deletion on a volume without room, first to go first:
 * - `expired`: left the playlist a window ago; no viewer needs it, and it goes within seconds in any case;
 * - `unwatched`: a copy of another edge's file that nobody asks this edge for; it costs one fetch if somebody does;
 * - `retired`: left the playlist more than half a window ago; only players that stand still may want it;
 * - `copy`: a listed copy of another edge's file; it is fetched again by the next viewer who asks;
 * - `leaving`: left the playlist less than half a window ago;
 * - `kept`: never deleted for want of room. What the owner lists or is about to list has no other copy, and the newest
 *   segments are what viewers ask for now.
 */
export type Standing = 'expired' | 'unwatched' | 'retired' | 'copy' | 'leaving' | 'kept';

/** What no channel misses: it goes for whoever needs room. The rest is taken by the rules of fair shares. */
const FREE_STANDINGS = ['expired', 'unwatched'] as const;
const DEAR_STANDINGS = ['retired', 'copy', 'leaving'] as const;

/**
 * Part of the limit that channels above their fair share leave to the others: a channel that comes, or grows into its
 * share, finds room at once, while a big one needs a window to give back what it lists.
 */
const RESERVE_PART = 0.1;

/** Part of the limit that is freed beyond what is needed, where it can be: so that not every file pays for a decision. */
const SLACK_PART = 0.02;

/** A stored file, as far as its deletion depends on it. */
export interface RankedFile {
  readonly name: string;
  readonly bytes: number;
  readonly standing: Standing;
  /** ms; the oldest of a standing goes first. */
  readonly storedAt: number;
}

/** What one channel has on the volume. */
export interface Holder {
  /** `<namespace>/<name>` of the channel. */
  readonly key: string;
  /** Bytes of its files, those that are being written included. */
  readonly bytes: number;
  readonly files: () => readonly RankedFile[];
}

/** A file that goes. */
export interface Deletion extends RankedFile {
  readonly key: string;
}

/** What is to be done for room: `remove` makes it; or there is none, and nothing is removed in vain. */
export type Room =
  | { readonly kind: 'room'; readonly remove: readonly Deletion[] }
  /** `share`: the channel has its fair share, and others need theirs. `limit`: nothing that may go is enough. */
  | { readonly kind: 'full'; readonly why: 'share' | 'limit' };

/** Who needs how much room of what. */
export interface RoomRequest {
  readonly limitBytes: number;
  /** Every channel that has something on the volume. */
  readonly holders: readonly Holder[];
  /** Key of the channel that wants to store something. */
  readonly key: string;
  readonly bytes: number;
}

/**
 * Bytes that each of so many channels may count on: an equal part of the volume, one more part being kept for the channel
 * that comes next.
 */
export function fairShareBytes(limitBytes: number, channels: number): number {
  return limitBytes / (channels + 1);
}

/**
 * Decides what is deleted so that a file fits. First goes what nobody misses, whoever has it. Then, standing by
 * standing, files of the channel that has the most, the oldest first: of the one that wants room, or of those that
 * have more than it and more than their fair share. So a channel within its share loses nothing of these to another, and
 * a channel above its share never takes the last {@link RESERVE_PART} of the volume.
 */
export function decideRoom(request: RoomRequest): Room {
  const { limitBytes, holders, key, bytes } = request;
  const used = holders.reduce((sum, holder) => sum + holder.bytes, 0);
  const own = (holders.find((holder) => holder.key === key)?.bytes ?? 0) + bytes;
  const others = holders.filter((holder) => holder.key !== key && holder.bytes > 0).length;
  const share = fairShareBytes(limitBytes, others + 1);
  const isAbove = own > share;
  const target = isAbove ? limitBytes * (1 - RESERVE_PART) : limitBytes;
  const needed = used + bytes - target;
  if (needed <= 0) return { kind: 'room', remove: [] };
  const remove = choose(request, { own, share, enough: needed + limitBytes * SLACK_PART });
  const freed = remove.reduce((sum, file) => sum + file.bytes, 0);
  if (freed < needed) return { kind: 'full', why: isAbove ? 'share' : 'limit' };
  return { kind: 'room', remove };
}

interface Terms {
  /** Bytes of the channel that wants room, with what it wants to store. */
  readonly own: number;
  readonly share: number;
  /** Bytes after which nothing more goes. */
  readonly enough: number;
}

/** Files in the order in which they go, until it is enough or nothing more may go. */
function choose(request: RoomRequest, { own, share, enough }: Terms): Deletion[] {
  const chosen: Deletion[] = [];
  let freed = 0;
  const take = (file: Deletion): void => {
    chosen.push(file);
    freed += file.bytes;
  };
  const all = request.holders.flatMap(({ key, files }) => files().map((file) => ({ ...file, key })));
  for (const standing of FREE_STANDINGS) {
    for (const file of oldestFirst(all, standing)) if (freed < enough) take(file);
  }
  if (freed >= enough) return chosen;
  const bytes = new Map(request.holders.map((holder) => [holder.key, holder.bytes]));
  bytes.set(request.key, own);
  for (const { key, bytes: gone } of chosen) bytes.set(key, (bytes.get(key) ?? 0) - gone);
  for (const standing of DEAR_STANDINGS) {
    const queues = byChannel(oldestFirst(all, standing));
    while (freed < enough) {
      const key = payer(queues, bytes, request.key, share);
      const file = key === null ? undefined : queues.get(key)?.shift();
      if (key === null || file === undefined) break;
      take(file);
      bytes.set(key, (bytes.get(key) ?? 0) - file.bytes);
    }
  }
  return chosen;
}

/** The channel that pays next: the one that has the most of those that may be asked and have something left; null if none. */
function payer(
  queues: ReadonlyMap<string, readonly Deletion[]>,
  bytes: ReadonlyMap<string, number>,
  writer: string,
  share: number,
): string | null {
  const own = bytes.get(writer) ?? 0;
  let most: string | null = null;
  for (const [key, queue] of queues) {
    const has = bytes.get(key) ?? 0;
    const mayPay = key === writer || (has > share && has > own);
    if (queue.length === 0 || !mayPay) continue;
    if (most === null || has > (bytes.get(most) ?? 0)) most = key;
  }
  return most;
}

function oldestFirst(files: readonly Deletion[], standing: Standing): Deletion[] {
  return files.filter((file) => file.standing === standing).sort((one, other) => one.storedAt - other.storedAt);
}

function byChannel(files: readonly Deletion[]): Map<string, Deletion[]> {
  const queues = new Map<string, Deletion[]>();
  for (const file of files) {
    const queue = queues.get(file.key);
    if (queue === undefined) queues.set(file.key, [file]);
    else queue.push(file);
  }
  return queues;
}
