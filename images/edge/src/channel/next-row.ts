import { isBeside } from '../source/renditions.ts';
import type { TimelineLog } from '../timeline/log.ts';
import { isSettled, type PendingSegment } from './pending.ts';
import type { PublisherView } from './publisher-context.ts';
import { chooseRow, NO_PROMOTION, type Origin, type Row } from './row.ts';

/** Whence each rung of the oldest segment that waits comes, by what is stored of it now; `origins` are those of the newest listed one. */
export function nextRow(
  head: PendingSegment,
  { mode, session }: PublisherView,
  log: TimelineLog,
  origins: Readonly<Record<string, Origin>> | null,
): Row {
  return chooseRow({
    mode,
    rungs: log.rungs.filter((rung) => !isBeside(rung)),
    sourceStored: isSettled(head),
    discontinuity: head.discontinuity,
    previous: head.start === 'skip' ? null : origins,
    transcoder: session?.rowOf(head.msn) ?? null,
    promotion: session?.promotion ?? NO_PROMOTION,
  });
}
