import { agentReportSchema } from '@sluice/common/work/contract.ts';
import { z } from 'zod';
import { nextMsn, type TimelineLog } from '../timeline/log.ts';
import type { Promotion } from './row.ts';

/** Most segments and rows that one edge tells another of: far more than wait at a time, and a bound for what is read. */
const MAX_TOLD = 64;

/** As `mapName` makes it: another edge tells it, and a file is written under it. */
const SECTION_NAME = /^s\/[\w-][\w.-]*\/[a-z0-9-]+\/[0-9a-f]+\.mp4$/;

/** A transcode session as its channel's next owner needs it. */
export const sessionUnderWaySchema = z.object({
  uid: z.string().max(128),
  attempt: z.int().nonnegative(),
  draining: z.boolean(),
  report: agentReportSchema.nullable(),
  promotion: z.object({
    inTime: z.int().nonnegative(),
    live: z.boolean(),
    late: z.boolean(),
  }) satisfies z.ZodType<Promotion>,
  /** Rungs that are stored of segments that wait. */
  rows: z
    .array(
      z.object({
        msn: z.int().nonnegative(),
        rungs: z.array(z.string().max(63)).max(8),
        /** Names of the initialization sections that they need, by rung; left out for MPEG-TS. */
        sections: z.record(z.string().max(63), z.string().max(300).regex(SECTION_NAME)).optional(),
      }),
    )
    .max(MAX_TOLD),
});
/** See {@link sessionUnderWaySchema}. */
export type SessionUnderWay = z.infer<typeof sessionUnderWaySchema>;

/** What an owner has under way, as edges tell each other: their clocks differ, so times are told from now. */
export const underWaySchema = z.object({
  /** When the newest published segment was, and those that wait will be published, in ms from now (negative: ago). */
  schedule: z.array(z.object({ msn: z.int().nonnegative(), inMs: z.number() })).max(MAX_TOLD),
  addedLagMs: z.number().nonnegative(),
  session: sessionUnderWaySchema.nullable(),
});
/** See {@link underWaySchema}. */
export type ToldUnderWay = z.infer<typeof underWaySchema>;

/**
 * What an owner has under way beside its timeline: whoever goes on with it publishes the next segment when the owner would
 * have, and lists the rungs that a transcoder has handed in. Only an owner knows it.
 */
export interface UnderWay {
  /** Publication times in ms of the clock, by number: of the newest published segment, and of those that wait. */
  readonly schedule: ReadonlyMap<number, number>;
  /** See {@link addedLagMs}. */
  readonly addedLagMs: number;
  /** Null without a transcoder. */
  readonly session: SessionUnderWay | null;
}

/**
 * What the next owner goes on with behind a copy: what the owner before has told of it, else when it listed the newest
 * segment, as far as that was heard; null where nothing is known.
 */
export function underWayOf(
  log: TimelineLog | null,
  { underWay, newestAt }: { readonly underWay?: UnderWay; readonly newestAt?: number },
): UnderWay | null {
  if (underWay !== undefined) return underWay;
  if (log === null || newestAt === undefined) return null;
  return { schedule: new Map([[nextMsn(log) - 1, newestAt]]), addedLagMs: 0, session: null };
}

/** To tell another edge at `now`, ms of this edge's clock: of more than it reads, what is published first. */
export function toldAt(now: number, { schedule, addedLagMs, session }: UnderWay): ToldUnderWay {
  const times = [...schedule].slice(0, MAX_TOLD).map(([msn, publishAt]) => ({ msn, inMs: publishAt - now }));
  const oldest = session === null ? [] : session.rows.toSorted((one, other) => one.msn - other.msn).slice(0, MAX_TOLD);
  return { schedule: times, addedLagMs, session: session === null ? null : { ...session, rows: oldest } };
}

/** As another edge has told it, heard at `now`, ms of this edge's clock. */
export function heardAt(now: number, { schedule, addedLagMs, session }: ToldUnderWay): UnderWay {
  return { schedule: new Map(schedule.map(({ msn, inMs }) => [msn, now + inMs])), addedLagMs, session };
}
