import type { Mode } from '@sluice/common/link/mode.ts';
import type { Obstacle, OwnerReport, SourceHealth } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { SourceFacts } from '@sluice/common/link/source-facts.ts';
import { lastEntry, listedSeconds, nextMsn, type TimelineEntry, type TimelineLog } from '../timeline/log.ts';
import { originOf } from './materialise.ts';
import type { Obstacles } from './mode.ts';
import { SOURCE } from './row.ts';
import type { TranscodeSession } from './transcode.ts';

/** Health of a source that nobody has looked at. */
export const UNKNOWN_HEALTH: SourceHealth = {
  state: 'unknown',
  reason: 'NotYetRead',
  message: 'The source has not been read yet',
};

/** Health of a source that delivers. */
export const HEALTHY: SourceHealth = { state: 'healthy', reason: 'Delivering', message: '' };

/** The mode that an entry shows: where its bytes come from. */
export function modeOfEntry(entry: TimelineEntry): Mode {
  const names = Object.values(entry.names);
  if (names.some((name) => originOf(name) !== SOURCE)) return 'Transcode';
  return entry.names.source?.startsWith('s/') === true ? 'Proxy' : 'Direct';
}

/** Remembers the mode of one entry, which never changes: the newest one's is told with every heartbeat. */
export class ShownMode {
  #entry: TimelineEntry | null = null;
  #mode: Mode = 'Idle';

  /** The mode that a log shows; Idle where it lists nothing. */
  of(log: TimelineLog | null): Mode {
    const newest = log === null ? null : lastEntry(log);
    if (log === null || newest === null) return 'Idle';
    if (newest !== this.#entry) {
      this.#mode = modeOfEntry(newest);
      this.#entry = newest;
    }
    // Behind the end nothing is transcoded any more: what there is of it is stored.
    return this.#mode === 'Transcode' && log.ended === true ? 'Proxy' : this.#mode;
  }
}

/** Health of a source that delivers, but for renditions that are not carried. */
export function withoutSome(leftOut: string): SourceHealth {
  return { state: 'healthy', reason: 'RenditionsLeftOut', message: `The source delivers; not carried: ${leftOut}` };
}

/** Health of a source of which nothing more comes. */
export const ENDED: SourceHealth = {
  state: 'degraded',
  reason: 'SourceEnded',
  message:
    'The source has ended (EXT-X-ENDLIST): viewers play what is left of it; the channel goes on when the source does, and begins anew for viewers who come when the others have gone',
};

/** Why a channel whose source has ended needs no transcoder: what is listed last is all there is. */
const NOTHING_LEFT: Obstacle = {
  reason: 'SourceEnded',
  message: 'The source has ended (EXT-X-ENDLIST), so that nothing is left to be transcoded until it goes on',
};

/** Health of a source with a segment of so many seconds, where the channel's target duration is less. */
export function tooLong(seconds: number): SourceHealth {
  const message = `The source has segments of ${seconds.toFixed(1)} s, longer than the target duration that it had when this channel began, which must not change: viewers may stall. Make its segments as short as they were, or delete the Channel and apply it again`;
  return { state: 'degraded', reason: 'SegmentsTooLong', message };
}

/** What a report is made from. */
export interface ReportInput {
  readonly route: Route;
  readonly awake: boolean;
  readonly log: TimelineLog | null;
  readonly facts: SourceFacts | null;
  readonly health: SourceHealth;
  readonly obstacles: Obstacles;
  readonly session: TranscodeSession | null;
  readonly now: number;
}

/** The owner's report of a channel, as the operator reads it. */
export function ownerReport(input: ReportInput): OwnerReport {
  const { log } = input;
  return {
    uid: input.route.uid,
    ownerTerm: input.route.ownerTerm,
    activeMode: input.awake ? new ShownMode().of(log) : 'Idle',
    epoch: log?.epoch ?? 0,
    lastMsn: log === null ? 0 : Math.max(0, nextMsn(log) - 1),
    facts: input.facts,
    health: input.health,
    directObstacle: input.obstacles.direct,
    transcodeObstacle: input.obstacles.transcode ?? (log?.ended === true ? NOTHING_LEFT : null),
    session: input.session?.toReport(input.now) ?? null,
  };
}

/** Whether a log lists what players need to start: three target durations (RFC 8216bis 6.3.3). */
export function isPlayable(log: TimelineLog | null): boolean {
  return log !== null && log.entries.length > 0 && listedSeconds(log) >= 3 * log.targetDurationSeconds;
}

/** Tells each report that differs from the one before. */
export class ToldReport {
  readonly #listener: (report: OwnerReport) => void;
  #last = '';

  constructor(listener: (report: OwnerReport) => void) {
    this.#listener = listener;
  }

  tell(report: OwnerReport): void {
    const text = JSON.stringify(report);
    if (text === this.#last) return;
    this.#last = text;
    this.#listener(report);
  }
}
