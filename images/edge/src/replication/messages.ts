import { parseShallow } from '@sluice/common/json/shallow.ts';
import { ownerReportSchema } from '@sluice/common/link/owner-report.ts';
import { ownersSchema, rungSchema } from '@sluice/common/link/route.ts';
import { z } from 'zod';
import { MAX_LOG_BYTES } from '../timeline/log.ts';
import { entriesSchema, headSchema, knownSchema } from '../timeline/store.ts';

/**
 * Replication: an edge keeps one WebSocket to each edge that owns channels of its routes, at the internal port. It
 * subscribes to the timelines that its viewers watch; the owner sends what is new of them, and of all its channels
 * what it reports to the operator. Every message is one JSON text frame.
 *
 * Unknown fields are dropped, so that edges of two versions go on together while one replaces the other. Hence the rule for
 * additions: a playlist without the new field must be a right one, as it is without ad markers or a discontinuity that a
 * player finds by itself. What a segment cannot be played without (as once its key) takes another path, `v2`: an edge that
 * does not know it is refused (404), goes on with its copy and shows nothing wrong.
 */
export const REPLICATION_PATH = '/internal/v1/timelines';

/** Header of an edge's refusal that says which pod it is: to whoever has come for another one at this address. */
export const POD_HEADER = 'sluice-pod-uid';

/**
 * Longest frame in bytes that either side accepts: the longest log, and around it its rungs and the marks of known segments,
 * which are at most as long as a line of a playlist.
 */
export const MAX_REPLICATION_FRAME_BYTES = MAX_LOG_BYTES + 128 * 1024;

/** An owner says something at least this often, in ms: five times within {@link SILENT_MS}. */
export const BEAT_MS = 250;
/** So does a follower, whose silence matters less: nothing but whether the channel is wanted hangs on it. */
export const FOLLOWER_BEAT_MS = 1_000;
/**
 * After this silence in ms an owner counts as away: its followers go on with their copies, and a successor takes over. With
 * what follows it has to fit into the two seconds by which a lost owner may delay a segment; see docs/how-it-works.md.
 */
export const SILENT_MS = 1_250;

/** Segments of the source that an update names: enough to recognise the source's playlist one window later. */
export const MAX_KNOWN_SEGMENTS = 12;

const uidSchema = z.string().min(1).max(128);
const termSchema = z.int().nonnegative();
const positionSchema = z.object({ nextMsn: z.int().nonnegative(), digest: z.string().max(64) });

/** Follower to owner. */
export const followerMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('subscribe'),
    uid: uidSchema,
    /** Term at which the follower's route names this edge the owner. */
    term: termSchema,
    /** How far the follower's copy goes; null without one. */
    have: positionSchema.nullable(),
  }),
  z.object({ type: z.literal('unsubscribe'), uid: uidSchema }),
  z.object({ type: z.literal('beat') }),
]);
/** See {@link followerMessageSchema}. */
export type FollowerMessage = z.infer<typeof followerMessageSchema>;

/** Owner to follower. A follower refuses a `term` below the highest that it has seen of that channel. */
export const ownerMessageSchema = z.discriminatedUnion('type', [
  /** Of every channel that the edge owns, at the beginning and when it changes by more than its position. */
  z.object({
    type: z.literal('report'),
    report: ownerReportSchema,
    /** The ladder that the channel's playlists have. */
    ladder: z.array(rungSchema).max(8),
  }),
  z.object({
    type: z.literal('update'),
    uid: uidSchema,
    term: termSchema,
    /** Whether the owner would show its log to a viewer who comes now. */
    ready: z.boolean(),
    /** What the copy lacks; null where only `ready` has changed. */
    log: z
      .object({
        after: z.int().nonnegative().nullable(),
        head: headSchema,
        entries: entriesSchema,
        /** The newest published segments as the source names them: a successor goes on behind them. */
        known: z.array(knownSchema).max(MAX_KNOWN_SEGMENTS),
      })
      .nullable(),
  }),
  /** This edge does not own the channel, or no longer. */
  z.object({
    type: z.literal('gone'),
    uid: uidSchema,
    /** Who does, as far as it knows; edges of older versions do not say it. */
    owners: ownersSchema.optional(),
    term: termSchema.optional(),
  }),
  z.object({ type: z.literal('beat') }),
]);
/** See {@link ownerMessageSchema}. */
export type OwnerMessage = z.infer<typeof ownerMessageSchema>;

/** Reads one frame; null where it is not what the protocol says. */
export function readMessage<T>(schema: z.ZodType<T>, data: { toString(): string }): T | null {
  try {
    const parsed = schema.safeParse(parseShallow(data.toString()));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
