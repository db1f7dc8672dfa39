import type { TimelineLog } from '../timeline/log.ts';
import type { Publisher } from './publisher.ts';
import type { TranscodeSession } from './transcode.ts';
import { heardAt, toldAt, type UnderWay, underWaySchema } from './under-way.ts';

/**
 * What another edge has that becomes the owner: all that the one before knew, as edges tell it each other; the timeline alone, as
 * a follower copies it; or nothing but what the Channel's status says.
 */
export type Heir = 'told' | 'copied' | 'bare';

/** What a new owner begins with. */
export interface Legacy {
  readonly log: TimelineLog | null;
  readonly underWay: UnderWay | null;
}

/** What an heir has at `now`, ms of the clock, of the owner whose publisher and session these are: as JSON has carried it. */
export function legacyOf(
  heir: Heir,
  { log, underWay }: Pick<Publisher, 'log' | 'underWay'>,
  session: Pick<TranscodeSession, 'underWay'>,
  now: number,
): Legacy {
  if (heir === 'bare') return { log: null, underWay: null };
  const copy = JSON.parse(JSON.stringify(log));
  if (heir === 'copied' || underWay === null) return { log: copy, underWay: null };
  const told = JSON.parse(JSON.stringify(toldAt(now, { ...underWay, session: session.underWay })));
  return { log: copy, underWay: heardAt(now, underWaySchema.parse(told)) };
}
