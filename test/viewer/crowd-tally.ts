import { ConnectionLost } from './client.ts';
import type { OwnLateness } from './own-lateness.ts';
import type { Download } from './play.ts';

/** How a crowd is doing. */
export interface CrowdReport {
  /** Viewers that are there. */
  readonly present: number;
  /** Viewers of those that have had a playlist within {@link PLAYING_MILLISECONDS}. */
  readonly playing: number;
  /** Media playlists, segments and the segments' bytes so far. */
  readonly polls: number;
  readonly segments: number;
  readonly bytes: number;
  /** Segments that came when the picture stood still already, and for how long it had, in seconds. */
  readonly stalls: number;
  readonly stalledSeconds: number;
  /** Those of the stalls for all of whose length this process itself was late while the buffer ran dry: nobody else's fault. */
  readonly ownStalls: number;
  /** The longest that a segment took from the request to its last byte. */
  readonly slowestSegmentSeconds: number;
  readonly problems: number;
  /** Those of the problems that are connections which ended early, as they do where a server is killed. */
  readonly lostConnections: number;
  /** The newest problem; empty without any. */
  readonly lastProblem: string;
}

/** A viewer without a playlist for so long sees a picture that stands still: three polls at the usual target duration of 6 s. */
const PLAYING_MILLISECONDS = 18_000;

/** Players begin three segments behind the end: what is late while these are shown makes the next one late. */
const BUFFERED_SEGMENTS = 3;

/** Counts what happens to the viewers of a crowd; keeps no history, since a crowd may watch for days. */
export class CrowdTally {
  readonly #polledAt = new Map<string, number>();
  readonly #tell: (trouble: string) => void;
  readonly #lateness: Pick<OwnLateness, 'within'> | null;
  #present = 0;
  #polls = 0;
  #segments = 0;
  #bytes = 0;
  #stalls = 0;
  #stalledMilliseconds = 0;
  #ownStalls = 0;
  #slowestMilliseconds = 0;
  #problems = 0;
  #lostConnections = 0;
  #lastProblem = '';

  /**
   * @param tell is told of each stall and each problem but a lost connection, in words
   * @param lateness when this process itself was late; null where nobody looks
   */
  constructor(tell: (trouble: string) => void = () => {}, lateness: Pick<OwnLateness, 'within'> | null = null) {
    this.#tell = tell;
    this.#lateness = lateness;
  }

  came(): void {
    this.#present += 1;
  }

  went(session: string): void {
    this.#present -= 1;
    this.#polledAt.delete(session);
  }

  polled(session: string, atMilliseconds: number): void {
    this.#polls += 1;
    this.#polledAt.set(session, atMilliseconds);
  }

  /** @param stalledMilliseconds for how long the picture had stood still when the segment was complete */
  downloaded(download: Download, stalledMilliseconds: number): void {
    const { status, bytes, milliseconds } = download;
    if (status === 200) this.#segments += 1;
    this.#bytes += bytes;
    this.#slowestMilliseconds = Math.max(this.#slowestMilliseconds, milliseconds);
    if (stalledMilliseconds > 0) this.#stalled(download, stalledMilliseconds);
  }

  #stalled({ url, milliseconds, atMilliseconds, durationSeconds }: Download, stalledMilliseconds: number): void {
    this.#stalls += 1;
    this.#stalledMilliseconds += stalledMilliseconds;
    const endedAt = atMilliseconds + milliseconds;
    const since = endedAt - stalledMilliseconds - BUFFERED_SEGMENTS * durationSeconds * 1000;
    const late = this.#lateness?.within(since, endedAt) ?? 0;
    const isOwn = late >= stalledMilliseconds;
    if (isOwn) this.#ownStalls += 1;
    const seconds = (stalledMilliseconds / 1000).toFixed(1);
    const own = late > 0 ? `; this process itself was late by ${(late / 1000).toFixed(1)} s` : '';
    this.#tell(`a picture stood still for ${seconds} s before ${url}, which took ${milliseconds.toFixed(0)} ms${own}`);
  }

  /** @param cause what was thrown, if anything was. The last problem that is told is no lost connection if there is another. */
  problem(problem: string, cause?: unknown): void {
    const isLost = cause instanceof ConnectionLost;
    this.#problems += 1;
    if (isLost) this.#lostConnections += 1;
    else this.#tell(problem);
    if (!isLost || this.#problems === this.#lostConnections) this.#lastProblem = problem;
  }

  report(): CrowdReport {
    const since = performance.now() - PLAYING_MILLISECONDS;
    return {
      present: this.#present,
      playing: [...this.#polledAt.values()].filter((at) => at > since).length,
      polls: this.#polls,
      segments: this.#segments,
      bytes: this.#bytes,
      stalls: this.#stalls,
      stalledSeconds: this.#stalledMilliseconds / 1000,
      ownStalls: this.#ownStalls,
      slowestSegmentSeconds: this.#slowestMilliseconds / 1000,
      problems: this.#problems,
      lostConnections: this.#lostConnections,
      lastProblem: this.#lastProblem,
    };
  }
}
