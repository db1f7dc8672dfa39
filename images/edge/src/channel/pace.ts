/** What a publication time is made from; times in ms of the channel's clock. */
export interface PaceInput {
  /** Publication time of the segment before; null for the first. */
  readonly previousAt: number | null;
  readonly durationSeconds: number;
  /** When this segment appeared at the source, as far as it is known. */
  readonly appearedAt: number;
  /** The channel's constant lag; 0 publishes as soon as possible. */
  readonly lagMs: number;
  readonly targetDurationSeconds: number;
  /** Nobody knows when it appeared, but that it was before: it is the first look of a new owner. */
  readonly mayBeOlder?: boolean;
}

/**
 * Part of a target duration by which the rhythm may shift from segment to segment: irregular publication by a tenth
 * made Shaka Player freeze (measured), a fortieth is within what encoders' clocks do.
 */
const MAX_SHIFT = 0.025;

/**
 * The lag in ms of a channel that may transcode: a rung's segment is complete one target duration and about 0.1 s
 * after its source segment was fed; the rest is for the download and the encoder's jitter.
 */
export function constantLagMs(targetDurationSeconds: number, mayTranscode: boolean): number {
  return mayTranscode ? targetDurationSeconds * 1000 + 500 : 0;
}

/**
 * Time in ms by which rows should come before their publication: what a busy node delays an encoder from one segment
 * to the next (measured: rows 0.4 s behind their feed, give or take 0.1 s, with both cores of a node in use).
 */
const WANTED_MARGIN_MS = 250;

/**
 * The time in ms that a channel adds to its constant lag, after a row of its transcoder came `marginMs` before its
 * publication time (negative: after it). It grows slowly, so that no player notices, by at most half a target
 * duration: a transcoder that needs more cannot keep the pace. Rows that came later than that say nothing of the pace:
 * they are the backlog of a start.
 */
export function addedLagMs(addedMs: number, marginMs: number, targetDurationSeconds: number): number {
  const most = (targetDurationSeconds * 1000) / 2;
  if (marginMs >= WANTED_MARGIN_MS || marginMs < -most) return addedMs;
  const step = Math.min(WANTED_MARGIN_MS - marginMs, MAX_SHIFT * targetDurationSeconds * 1000);
  return Math.min(most, addedMs + step);
}

/**
 * When a segment is to be published: its appearance plus the lag, in the rhythm of the film. Looks at the source
 * jitter by up to half a target duration, so a difference of that size only shifts the rhythm slowly; a bigger one
 * (the source stood still, or the lag has changed) sets it anew. What a new owner finds may be a target duration old, and
 * comes when the owner before would have published it.
 */
export function publicationTime(input: PaceInput): number {
  const target = input.appearedAt + input.lagMs;
  if (input.previousAt === null || input.lagMs === 0) return target;
  const predicted = input.previousAt + input.durationSeconds * 1000;
  const error = target - predicted;
  const targetDurationMs = input.targetDurationSeconds * 1000;
  if (input.mayBeOlder === true && error > 0 && error <= targetDurationMs) return predicted;
  if (Math.abs(error) > targetDurationMs / 2) return target;
  const shift = MAX_SHIFT * targetDurationMs;
  return predicted + Math.min(Math.max(error, -shift), shift);
}

/**
 * When the segments of one look appeared: the newest at the look, each older one earlier by the duration of its
 * successor, but not before the look that did not see it yet.
 */
export function appearances(
  durationsSeconds: readonly number[],
  lookedAt: number,
  previousLookAt: number | null,
): readonly number[] {
  const result: number[] = [];
  let at = lookedAt;
  for (let index = durationsSeconds.length - 1; index >= 0; index -= 1) {
    result.unshift(previousLookAt === null ? at : Math.max(at, previousLookAt));
    at -= (durationsSeconds[index] ?? 0) * 1000;
  }
  return result;
}
