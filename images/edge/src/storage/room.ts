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
  /** Those that may go; `kept` ones need not be among them. */
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
  // Where nothing is left to go, which is when thousands ask, the answer costs next to nothing.
  const remove =
    goingBytes(holders) < needed ? [] : choose(request, { own, share, enough: needed + limitBytes * SLACK_PART });
  if (bytesOf(remove) < needed) return { kind: 'full', why: isAbove ? 'share' : 'limit' };
  return { kind: 'room', remove };
}

function bytesOf(files: readonly RankedFile[]): number {
  return files.reduce((sum, { standing, bytes }) => sum + (standing === 'kept' ? 0 : bytes), 0);
}

function goingBytes(holders: readonly Holder[]): number {
  return holders.reduce((sum, holder) => sum + bytesOf(holder.files()), 0);
}

interface Terms {
  /** Bytes of the channel that wants room, with what it wants to store. */
  readonly own: number;
  readonly share: number;
  /** Bytes after which nothing more goes. */
  readonly enough: number;
}

/** Files in the order in which they go, until it is enough or nothing more may go. */
function choose({ holders, key: writer }: RoomRequest, { own, share, enough }: Terms): Deletion[] {
  const chosen: Deletion[] = [];
  let freed = 0;
  const bytes = new Map(holders.map((holder) => [holder.key, holder.bytes]));
  bytes.set(writer, own);
  const take = (file: Deletion): void => {
    chosen.push(file);
    freed += file.bytes;
    bytes.set(file.key, (bytes.get(file.key) ?? 0) - file.bytes);
  };
  for (const standing of FREE_STANDINGS) {
    if (freed >= enough) return chosen;
    const files = holders.flatMap((holder) => filesOf(holder, standing));
    for (const file of files.sort(byAge)) if (freed < enough) take(file);
  }
  const asked = holders.filter((holder) => holder.key === writer || holder.bytes > share);
  for (const standing of DEAR_STANDINGS) {
    const line = new PayersLine(asked, standing, bytes);
    while (freed < enough) {
      const file = line.next(writer, share);
      if (file === null) break;
      take(file);
    }
  }
  return chosen;
}

interface Payer {
  readonly key: string;
  /** What it can give of one standing, the oldest first. */
  readonly files: readonly Deletion[];
  given: number;
}

/** The channels that can give files of one standing, those that have the most in front. */
class PayersLine {
  readonly #bytes: ReadonlyMap<string, number>;
  readonly #line: Payer[];

  /** @param bytes what each channel has now; changed by the caller for each file that is taken */
  constructor(holders: readonly Holder[], standing: Standing, bytes: ReadonlyMap<string, number>) {
    this.#bytes = bytes;
    const payers = holders.map((holder) => {
      return { key: holder.key, files: filesOf(holder, standing).sort(byAge), given: 0 };
    });
    this.#line = payers.filter(({ files }) => files.length > 0).sort((one, other) => this.#has(other) - this.#has(one));
  }

  /** The next file that goes, for `writer`; null where nobody may be asked for one. */
  next(writer: string, share: number): Deletion | null {
    const own = this.#bytes.get(writer) ?? 0;
    // Who has given is no longer where it stood.
    this.#sink();
    const [most] = this.#line;
    const mayPay = most !== undefined && (most.key === writer || (this.#has(most) > share && this.#has(most) > own));
    const payer = mayPay ? most : this.#line.find(({ key }) => key === writer);
    const file = payer?.files[payer.given];
    if (payer === undefined || file === undefined) return null;
    payer.given += 1;
    if (payer.given === payer.files.length) this.#line.splice(this.#line.indexOf(payer), 1);
    return file;
  }

  #has({ key }: Payer): number {
    return this.#bytes.get(key) ?? 0;
  }

  #sink(): void {
    const [first] = this.#line;
    if (first === undefined) return;
    const has = this.#has(first);
    let at = 0;
    for (let next = this.#line[1]; next !== undefined && this.#has(next) > has; next = this.#line[at + 1]) {
      this.#line[at] = next;
      at += 1;
    }
    this.#line[at] = first;
  }
}

function filesOf({ key, files }: Holder, standing: Standing): Deletion[] {
  const found: Deletion[] = [];
  for (const file of files()) if (file.standing === standing) found.push({ ...file, key });
  return found;
}

function byAge(one: RankedFile, other: RankedFile): number {
  return one.storedAt - other.storedAt;
}
