import type { Work } from '@sluice/common/work/contract.ts';
import type { PendingSegment } from '../channel/pending.ts';

/** Source segments that a transcoder is started with: its first output then comes half a second after its start. */
const BACKLOG_SEGMENTS = 2;

/** Half and whole of the 33 bit clock (ISO/IEC 13818-1 2.4.3.7). */
const CLOCK = 2 ** 33;

/** Ticks from `other` to `one` on the 33 bit clock, between minus and plus half of it. */
export function ptsDistance(one: number, other: number): number {
  const distance = (((one - other) % CLOCK) + CLOCK) % CLOCK;
  return distance > CLOCK / 2 ? distance - CLOCK : distance;
}

/**
 * What an agent that has `after` of `epoch` has to feed next, out of the stored segments of the current epoch. One
 * that begins, or comes from another epoch, begins with the last two, and with nothing before a break.
 */
export function chooseWork(
  stored: readonly PendingSegment[],
  epoch: number,
  after: number,
): Pick<Work, 'epoch' | 'segments'> {
  const current = stored.at(-1)?.epoch ?? Math.max(epoch, 1);
  const goesOn = epoch === current && after >= 0;
  const chosen = goesOn ? stored.filter((segment) => segment.msn > after) : backlog(stored);
  return {
    epoch: current,
    // A lost segment leaves a hole in the timestamps: to an encoder that is a break.
    segments: chosen.map(({ msn, durationSeconds, discontinuity, download }, index) => ({
      msn,
      durationSeconds,
      discontinuity: discontinuity || msn !== (chosen[index - 1]?.msn ?? (goesOn ? after : msn - 1)) + 1,
      ...(download.state === 'stored' && download.map !== null ? { init: download.map } : {}),
    })),
  };
}

function backlog(stored: readonly PendingSegment[]): readonly PendingSegment[] {
  const last = stored.slice(-BACKLOG_SEGMENTS);
  const atBreak = last.findLastIndex((segment) => segment.discontinuity);
  return last.slice(Math.max(0, atBreak));
}
