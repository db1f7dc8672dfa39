import { encryptionIn, type PendingSegment } from './pending.ts';

/** Published segments kept in mind for a transcoder that starts: it is fed with the last two at least. */
const BACKLOG_SEGMENTS = 3;

/** Segments of a channel on their way into its timeline, and the newest of those that are there. */
export class SegmentQueue {
  #recent: readonly PendingSegment[] = [];
  #waiting: PendingSegment[] = [];

  /** What is not published yet, oldest first. */
  get waiting(): readonly PendingSegment[] {
    return this.#waiting;
  }

  /** What was published last, oldest first, at most {@link BACKLOG_SEGMENTS}. */
  get recent(): readonly PendingSegment[] {
    return this.#recent;
  }

  add(segments: readonly PendingSegment[]): void {
    this.#waiting.push(...segments);
  }

  /** The oldest that waited is published. */
  published(): void {
    this.#recent = [...this.#recent, ...this.#waiting.splice(0, 1)].slice(-BACKLOG_SEGMENTS);
  }

  clear(): void {
    this.#recent = [];
    this.#waiting = [];
  }

  /** The segment of this published number, as far as it is kept in mind. */
  find(msn: number): PendingSegment | undefined {
    return [...this.#recent, ...this.#waiting].find((one) => one.msn === msn);
  }

  /** Whether everything that waits is stored, as far as it ever will be. */
  get isSettled(): boolean {
    return this.#waiting.every(({ download: { state } }) => state === 'stored' || state === 'lost');
  }

  /** Those of the current epoch whose bytes are stored, without a hole; see `Publisher.stored`. */
  stored(): readonly PendingSegment[] {
    const all = [...this.#recent, ...this.#waiting];
    const epoch = all.at(-1)?.epoch;
    const isOpen = (one: PendingSegment): boolean => one.source.keys.length === 0 && encryptionIn(one) === null;
    const current = all.filter((one) => one.epoch === epoch && one.download.state !== 'lost' && isOpen(one));
    const isStored = (segment: PendingSegment): boolean => segment.download.state === 'stored';
    const reachable = current.slice(Math.max(0, current.findIndex(isStored)));
    const onItsWay = reachable.findIndex((segment) => !isStored(segment));
    return onItsWay < 0 ? reachable : reachable.slice(0, onItsWay);
  }
}
