import type { Mode } from '@sluice/common/link/mode.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { Intake } from '../source/intake.ts';
import type { SourcePlaylist, SourceSegment } from '../source/parse.ts';
import { isBeside } from '../source/renditions.ts';
import { extensionOf } from '../source/segment-kind.ts';
import {
  type EpochNumbers,
  lastDiscontinuitySequence,
  newLog,
  nextMsn,
  type TimelineLog,
  WINDOW_SEGMENTS,
} from '../timeline/log.ts';
import { type SegmentId, segmentName } from '../timeline/names.ts';
import { appearances, publicationTime } from './pace.ts';
import { type Fetchable, firstDownload, type PendingSegment, publishedDuration, type Start } from './pending.ts';

/**
 * First segments of a waking channel that must be fetched before they are listed: three that players buffer, and
 * room; more would keep the first viewer waiting.
 */
const FIRST_STORED_SEGMENTS = 6;

/** Seconds of numbers left free above a status that may be as old as its slowest writer and a change of pods. */
const RESUME_SLACK_SECONDS = 120;

/** What turns segments of the source into pending ones. */
export interface PlanContext {
  readonly uid: string;
  readonly log: TimelineLog;
  /** The newest pending segment; null where none waits. */
  readonly tail: PendingSegment | null;
  /** Publication time of the segment before, pending or listed; null if there was none since the channel woke. */
  readonly previousAt: number | null;
  /** Nothing has been taken since the channel woke. */
  readonly waking: boolean;
  /** Nobody has seen what is listed since the channel slept: its numbers may move on instead of breaking. */
  readonly maySkip: boolean;
  /** The log goes on above numbers of a lost one: whoever saw that one needs a discontinuity. */
  readonly breaks: boolean;
  readonly mode: Mode;
  readonly lagMs: number;
  readonly lookedAt: number;
  readonly previousLookAt: number | null;
  /** Publication times in ms by number, of segments that the owner before had taken already. */
  readonly schedule: ReadonlyMap<number, number>;
}

/** A log for a channel that has none: at the source's own numbers, or above those that the Channel's status knows. */
export function firstLog(
  playlist: SourcePlaylist,
  segments: readonly SourceSegment[],
  rungs: readonly string[],
  resume: Route['resume'],
): TimelineLog {
  const first = segments[0];
  if (first === undefined) throw new RangeError('a log begins with a segment');
  const longest = Math.max(...playlist.segments.map((segment) => Math.round(segment.durationSeconds)));
  const targetDurationSeconds = Math.max(playlist.targetDurationSeconds, longest);
  const sequence = first.discontinuitySequence - (first.discontinuity ? 1 : 0);
  if (resume === null) {
    const numbers = { msnOffset: 0, discontinuityOffset: 0 };
    return newLog({
      epoch: 1,
      targetDurationSeconds,
      rungs,
      firstMsn: first.msn,
      discontinuityBase: Math.max(0, sequence),
      numbers,
    });
  }
  const firstMsn = Math.max(first.msn, resume.lastMsn + 1 + Math.ceil(RESUME_SLACK_SECONDS / targetDurationSeconds));
  // The status does not tell how many discontinuities the lost log had, and their sequence must not fall (RFC 8216bis 6.2.1):
  // each stood at a segment of its own, so that they were no more than segments.
  const discontinuityBase = Math.max(sequence + resume.epoch, firstMsn);
  const numbers = {
    msnOffset: firstMsn - first.msn,
    discontinuityOffset: discontinuityBase + 1 - first.discontinuitySequence,
  };
  return newLog({ epoch: resume.epoch + 1, targetDurationSeconds, rungs, firstMsn, discontinuityBase, numbers });
}

/** How many of the segments that are due already a channel begins with. */
export function firstSegments(segments: readonly SourceSegment[], due: number, mode: Mode): readonly SourceSegment[] {
  const wanted = mode === 'Direct' ? WINDOW_SEGMENTS : FIRST_STORED_SEGMENTS;
  return segments.slice(Math.max(0, due - wanted));
}

interface Plan {
  readonly start: Start;
  readonly epoch: number;
  readonly msnOffset: number;
  readonly segments: readonly SourceSegment[];
}

function planOf(taken: Exclude<Intake, { kind: 'stale' }>, context: PlanContext, due: number): Plan {
  const { log, tail } = context;
  const epoch = tail?.epoch ?? log.epoch;
  const next = tail === null ? nextMsn(log) : tail.msn + 1;
  const msnOffset = tail === null ? log.msnOffset : tail.msn - tail.source.msn;
  const nextSource = next - msnOffset;
  const chosen = context.maySkip ? firstSegments(taken.segments, due, context.mode) : taken.segments;
  const first = chosen[0]?.msn ?? nextSource;
  if (taken.kind !== 'restart' && first === nextSource)
    return { start: 'continue', epoch, msnOffset, segments: chosen };
  if (taken.kind !== 'restart' && context.maySkip && tail === null && first > nextSource) {
    return { start: 'skip', epoch, msnOffset, segments: chosen };
  }
  const fresh = taken.kind === 'restart' ? firstSegments(chosen, chosen.length, context.mode) : chosen;
  const firstFresh = fresh[0]?.msn ?? 0;
  return { start: 'epoch', epoch: epoch + 1, msnOffset: next - firstFresh, segments: fresh };
}

function fetchable(
  { period, publishAt, ...id }: Omit<SegmentId, 'attempt'> & Pick<Fetchable, 'period' | 'publishAt'>,
  source: SourceSegment,
): Fetchable {
  const sourceName = segmentName({ ...id, attempt: 0 }, extensionOf(source));
  return { epoch: id.epoch, period, source, sourceName, publishAt, download: firstDownload(source) };
}

/** The pending segments that a look at the source adds, with their numbers and publication times. */
export function planSegments(
  taken: Exclude<Intake, { kind: 'stale' }>,
  context: PlanContext,
): readonly PendingSegment[] {
  const { segments } = taken;
  const durations = segments.map((segment) => segment.durationSeconds);
  const appeared = appearances(durations, context.lookedAt, context.waking ? null : context.previousLookAt);
  const due = appeared.filter((at) => at + context.lagMs <= context.lookedAt).length;
  const plan = planOf(taken, context, due);
  const skipped = segments.length - plan.segments.length;
  const result: PendingSegment[] = [];
  let { previousAt } = context;
  let period = context.tail?.period ?? lastDiscontinuitySequence(context.log);
  plan.segments.forEach((source, index) => {
    const start = index === 0 ? plan.start : 'continue';
    const msn = source.msn + plan.msnOffset;
    const planned = plan.start === 'epoch' ? undefined : context.schedule.get(msn);
    const publishAt =
      planned ??
      publicationTime({
        previousAt,
        durationSeconds: source.durationSeconds,
        appearedAt: appeared[skipped + index] ?? context.lookedAt,
        lagMs: context.lagMs,
        targetDurationSeconds: context.log.targetDurationSeconds,
        mayBeOlder: context.previousLookAt === null,
      });
    previousAt = publishAt;
    const discontinuity = source.discontinuity || start === 'epoch' || (index === 0 && context.breaks);
    if (discontinuity) period += 1;
    const id = { uid: context.uid, epoch: plan.epoch, msn, period, publishAt };
    result.push({
      msn,
      start,
      durationSeconds: publishedDuration(source.durationSeconds, context.log.targetDurationSeconds),
      discontinuity,
      ...fetchable({ ...id, rung: 'source' }, source),
      beside: Object.fromEntries(
        context.log.rungs.filter(isBeside).map((rung) => {
          const twin = source.beside?.[rung];
          if (twin === undefined) return [rung, null];
          const durationSeconds = publishedDuration(twin.durationSeconds, context.log.targetDurationSeconds);
          return [rung, { ...fetchable({ ...id, rung }, twin), durationSeconds }];
        }),
      ),
      markers: source.markers,
    });
  });
  return result;
}

/** Offsets of the epoch that a segment opens, behind a log whose last discontinuity sequence number is given. */
export function epochNumbers(segment: PendingSegment, lastDiscontinuitySequence: number): EpochNumbers {
  return {
    msnOffset: segment.msn - segment.source.msn,
    discontinuityOffset: lastDiscontinuitySequence + 1 - segment.source.discontinuitySequence,
  };
}
