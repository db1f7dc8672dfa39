import { z } from 'zod';
import { audienceSchema } from './audience.ts';
import { ownerReportSchema } from './owner-report.ts';
import { routeSchema } from './route.ts';
import { uidSchema } from './uid.ts';

/**
 * The link: one WebSocket over TLS from the operator to each edge (docs/how-it-works.md, "The link"). The edge speaks
 * first with a challenge; nothing else is accepted from a peer that has not answered it with a valid signature.
 * Every message is one JSON text frame. Unknown fields are ignored, so that either side may be the newer one.
 */

/** Longest frame in bytes that an edge accepts: 100,000 ids of 16 hex digits with their JSON quotes, and room. */
export const MAX_LINK_FRAME_BYTES = 4 * 1024 * 1024;

/**
 * Longest frame in bytes that the operator takes from an edge, which sends viewers in messages of less than 1 MB: what reads
 * one needs ten times its length.
 */
export const MAX_EDGE_FRAME_BYTES = 1.5 * 1024 * 1024;

/** 64 bits of SHA-256 of a session id as 16 hex digits: ids themselves never leave the edge. */
const idHashSchema = z.string().regex(/^[0-9a-f]{16}$/);

/** Age of a goodbye that had to wait for a link, in seconds: a sign of life since then has made it void. */
const secondsAgoSchema = z.number().nonnegative().max(3600).default(0);

/** Operator to edge. `hello` first; `snapshot` second, and again after each reconnect: it replaces everything. */
export const operatorMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    /** Grows with each operator that takes over; an edge refuses a lower one than it has seen. */
    term: z.int().nonnegative(),
    /** Base64 Ed25519 signature over `challengeText(nonce, podUid, term)`. */
    signature: z.string(),
  }),
  z.object({ type: z.literal('snapshot'), routes: z.array(routeSchema), audiences: z.array(audienceSchema) }),
  z.object({ type: z.literal('route'), route: routeSchema }),
  z.object({ type: z.literal('remove'), uid: z.string() }),
  z.object({ type: z.literal('audience'), audience: audienceSchema }),
  /** These viewers, whom this edge counts, said goodbye at another one. Edges that do not know the message let them expire. */
  z.object({ type: z.literal('leave'), uid: z.string(), ids: z.array(idHashSchema), secondsAgo: secondsAgoSchema }),
  /** Answers `admit`: every id that was asked about stands in one list. `undecided`: the count is unknown, the edge decides. */
  z.object({
    type: z.literal('admission'),
    uid: z.string(),
    admitted: z.array(idHashSchema),
    refused: z.array(idHashSchema),
    undecided: z.array(idHashSchema),
  }),
]);
/** See {@link operatorMessageSchema}. */
export type OperatorMessage = z.infer<typeof operatorMessageSchema>;

/** Longest time for which a seat is kept: three target durations of 20 s, far above any that is in use. */
export const MAX_HOLD_SECONDS = 60;

/** Edge to operator. `challenge` first; after a valid `hello` the edge sends `viewers` with `snapshot: true` for each channel, and its reports. */
export const edgeMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('challenge'),
    nonce: z.string().max(128),
    podName: z.string().max(253),
    podUid: uidSchema,
    /**
     * Another one after each start of the sidecar, which knows nothing of the viewers that its predecessor in the same pod
     * counted. Edges of older versions do not say it.
     */
    instance: z.string().max(64).optional(),
    /** Only where another sidecar served in this pod before: how long ago this one started, in seconds. */
    restartedSecondsAgo: z.number().nonnegative().optional(),
  }),
  z.object({ type: z.literal('refused'), code: z.string(), message: z.string() }),
  z.object({
    type: z.literal('viewers'),
    uid: uidSchema,
    /** True: `joined` is everybody; false: a change against what was said before. */
    snapshot: z.boolean(),
    /** New ids, or ids whose evidence changed. `trusted` ids have asked for media playlists, the others only sent heartbeats. */
    joined: z.array(z.object({ id: idHashSchema, trusted: z.boolean() })),
    left: z.array(idHashSchema),
  }),
  /** Ids with a sign of life since the last such message; only while the route says `reportSigns`, at most every 2 s. */
  z.object({ type: z.literal('signs'), uid: uidSchema, ids: z.array(idHashSchema) }),
  /** Viewers said goodbye here; other edges may count them too. Comes after the `viewers` of the same channel. */
  z.object({ type: z.literal('leave'), uid: uidSchema, ids: z.array(idHashSchema), secondsAgo: secondsAgoSchema }),
  /** May these viewers, whom this edge does not count, come to a channel with `maxViewers`? An older operator does not answer. */
  z.object({
    type: z.literal('admit'),
    uid: uidSchema,
    ids: z.array(idHashSchema).max(10_000),
    /** How long a seat is kept for who is let in and not counted yet; edges of older versions rely on the default. */
    holdSeconds: z.number().positive().max(MAX_HOLD_SECONDS).default(30),
    /** They have shown no sign of life: seats are kept for them before others like them, and nobody else. */
    provisional: z.boolean().default(false),
    /** They are in already, by the word of an earlier operator or, without one, of the edge: they are not refused. */
    letIn: z.boolean().default(false),
  }),
  /** Somebody asks this edge for a channel that it does not serve: its audience is wanted at once, and for a minute. */
  z.object({ type: z.literal('watch'), uid: uidSchema }),
  /** A viewer cannot reach a Direct source. */
  z.object({ type: z.literal('sourceError'), uid: uidSchema, message: z.string().max(500) }),
  z.object({ type: z.literal('report'), report: ownerReportSchema }),
  /**
   * What the pod has sent and answered lately, every few seconds; null: it cannot be measured, which is not zero. An older
   * operator does not know the message. Viewers are told exactly, in `viewers`.
   */
  z.object({
    type: z.literal('load'),
    egressBitsPerSecond: z.number().nonnegative().nullable(),
    requestsPerSecond: z.number().nonnegative().nullable(),
  }),
  /**
   * The edge ends soon and must own no channel any more; it hands over what it owns by itself. Said at once and after each
   * connect, before `synced`. An older operator does not know the message, and goes by the EndpointSlices.
   */
  z.object({ type: z.literal('leaving') }),
  /** All snapshots have been sent: counts of this edge are complete from here on. */
  z.object({ type: z.literal('synced') }),
]);
/** See {@link edgeMessageSchema}. */
export type EdgeMessage = z.infer<typeof edgeMessageSchema>;

/**
 * The text that the operator signs. The pod's uid is in it (the operator takes it from the EndpointSlice that it
 * dials), so that a compromised edge cannot pass another edge's challenge on and speak for the operator there.
 */
export function challengeText(nonce: string, podUid: string, term: number): string {
  return `sluice-link-v1\n${nonce}\n${podUid}\n${term}`;
}
