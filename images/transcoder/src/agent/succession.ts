import type { RungSegment } from './encoder-run.ts';

/** What was handed over last of one rung. */
interface Last {
  readonly run: number;
  readonly epoch: number;
  readonly msn: number;
}

/**
 * Lets the segments of one encoder run follow those of another within a rung. The owner sees one agent and cannot tell
 * the runs apart, so the joint that a change of origin needs in MPEG-TS (docs/how-it-works.md) is made here.
 */
export class Succession {
  readonly #last = new Map<string, Last>();

  /**
   * Takes the next segment of a rung from encoder run number `run`.
   * @returns the segment to hand over, with a joint in front where the run is new; null where its place is taken: a new
   *   run begins a little before the point that the old one had reached
   */
  next(segment: RungSegment, run: number): RungSegment | null {
    const { epoch, rung, msn } = segment;
    const last = this.#last.get(rung);
    const renewed = last !== undefined && last.run !== run;
    if (renewed && last.epoch === epoch && msn <= last.msn) return null;
    this.#last.set(rung, { run, epoch, msn });
    return renewed ? { ...segment, bytes: segment.container.withJoint(segment.bytes) } : segment;
  }
}
