import { z } from 'zod';
import { incidentsSchema } from '../work/incident.ts';

/**
 * The link: one WebSocket over TLS from the operator to each edge (docs/how-it-works.md, "The link"). The edge speaks
 * first with a challenge; nothing else is accepted from a peer that has not answered it with a valid signature.
 * Every message is one JSON text frame. Unknown fields are ignored, so that either side may be the newer one.
 */

/** Modes as the API writes them; lower case in the viewer-facing HTTP API. */
export const modeSchema = z.enum(['Idle', 'Direct', 'Proxy', 'Transcode']);
/** What stands behind a channel's URL. */
export type Mode = z.infer<typeof modeSchema>;

/** Longest frame in bytes that either side accepts: 100,000 ids of 16 hex digits with their JSON quotes, and room. */
export const MAX_LINK_FRAME_BYTES = 4 * 1024 * 1024;

/** One rendition of the ladder as the edges need it: already clipped to the source by the operator. */
export const rungSchema = z.object({
  /** Lower-case DNS label, unique in the ladder; `source` and `index` are reserved. */
  name: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/),
  /** Picture height in lines. */
  height: z.int().positive(),
  /** Target video bitrate in bit/s. */
  bitrateBps: z.int().positive(),
});
/** See {@link rungSchema}. */
export type RouteRung = z.infer<typeof rungSchema>;

/** Most renditions of a source that are carried beside its reference: pictures, languages and subtitles together. */
export const MAX_SOURCE_RENDITIONS = 8;

/**
 * A rendition of the source that is carried beside the reference, which is the rung `source`: another picture, an audio
 * track or subtitles (RFC 8216bis 4.4.6.1, 4.4.6.2). Its media playlist is a rung of the channel's own.
 */
export const sourceRenditionSchema = z.object({
  /** Its rung: begins with `source-`; `source` itself for audio that is in the segments of the pictures. */
  name: z
    .string()
    .regex(/^source(-[a-z0-9]+)*$/)
    .max(32),
  kind: z.enum(['Video', 'Audio', 'Subtitles']),
  /** BANDWIDTH in bit/s of another picture; 0 else. */
  bitrateBps: z.int().nonnegative(),
  /** CODECS of another picture as the source declares them; empty else. */
  codecs: z.string().max(128),
  /** Of another picture; 0 where unknown, and else. */
  width: z.int().nonnegative(),
  height: z.int().nonnegative(),
  frameRateMilli: z.int().nonnegative(),
  /** NAME and LANGUAGE (BCP 47) of audio and subtitles; empty where the source tells none. */
  label: z.string().max(128),
  language: z.string().max(64),
  /** DEFAULT, AUTOSELECT and FORCED of audio and subtitles. */
  default: z.boolean(),
  autoselect: z.boolean(),
  forced: z.boolean(),
});
/** See {@link sourceRenditionSchema}. */
export type SourceRendition = z.infer<typeof sourceRenditionSchema>;

/** What the probe of a source found; kept in the Channel's status and given back to the edges in the route. */
export const sourceFactsSchema = z.object({
  /** Container of the segments. */
  container: z.enum(['mpegts', 'fmp4', 'unknown']),
  /** RFC 6381 names, e.g. `avc1.64001f`; empty if there is no such track. */
  videoCodec: z.string(),
  audioCodec: z.string(),
  /** 0 where unknown. */
  width: z.int().nonnegative(),
  height: z.int().nonnegative(),
  /** Frames per second times 1000; 0 where unknown. */
  frameRateMilli: z.int().nonnegative(),
  /** The source's EXT-X-TARGETDURATION in seconds. */
  targetDurationSeconds: z.int().positive(),
  /** Measured or declared peak bitrate in bit/s, for BANDWIDTH. */
  bitrateBps: z.int().positive(),
  /** Segments in the source's playlist when it was probed. */
  windowSegments: z.int().nonnegative(),
  /** Whether the probed segment starts with a keyframe. */
  startsWithKeyframe: z.boolean(),
  /** Whether playlist and segments carry an Access-Control-Allow-Origin that admits any page. */
  corsAllowed: z.boolean(),
  /** What is carried beside the reference, pictures from high to low first; left out where nothing is. */
  renditions: z
    .array(sourceRenditionSchema)
    .max(2 * MAX_SOURCE_RENDITIONS)
    .optional(),
  /** What of the source is not carried, and why, in words; left out where nothing is missing. */
  leftOut: z.string().max(1024).optional(),
  /** RFC 3339 time of the probe. */
  probedAt: z.string(),
});
/** See {@link sourceFactsSchema}. */
export type SourceFacts = z.infer<typeof sourceFactsSchema>;

/** Names of folders and files at the edge are made of these: a DNS name (RFC 1123) has no way out of its folder. */
const dnsNameSchema = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/);
/** As {@link dnsNameSchema}, for uids, which need not be UUIDs outside Kubernetes. */
const uidSchema = z.string().regex(/^[A-Za-z0-9][\w.-]{0,127}$/);

/** Most owners that a route names. */
const MAX_OWNERS = 3;

/** Owner and successors; pod names with the addresses of their internal ports. */
export const ownersSchema = z
  .array(z.object({ podName: z.string().max(253), podUid: z.string().max(128), address: z.string().max(300) }))
  .max(MAX_OWNERS);

/**
 * Terms of ownership come in blocks of so many. The operator gives the first of a block; successors who take over
 * without it take the ones behind, so that whatever the operator says next is higher.
 */
export const TERMS_PER_BLOCK = 16;

/** Everything an edge knows of a channel. */
export const routeSchema = z.object({
  namespace: dnsNameSchema,
  name: dnsNameSchema,
  /** The Channel's metadata.uid; a recreated Channel is another route. */
  uid: uidSchema,
  generation: z.int().nonnegative(),
  source: z.object({
    uri: z.string(),
    /** Request headers out of the Secret; never sent to viewers or logs. */
    headers: z.record(z.string(), z.string()),
    /** Result of an earlier probe, if any. */
    facts: sourceFactsSchema.nullable(),
  }),
  /** What the operator's decision asks for now. */
  mode: modeSchema,
  minimumMode: modeSchema,
  maximumMode: modeSchema,
  /** undefined: the source's URL may be shown if it has no user, password or query. */
  exposeSource: z.boolean().optional(),
  heartbeatSeconds: z.int().positive(),
  timeoutSeconds: z.int().positive(),
  identity: z.enum(['UrlSession', 'HeartbeatOnly']),
  maxViewers: z.int().positive().optional(),
  /** Operator asks for `signs` messages while a promotion to Transcode waits. */
  reportSigns: z.boolean(),
  ladder: z.array(rungSchema).max(8),
  /** Owner and successors by rendezvous hash, first the owner; pod names with the addresses of their internal port. */
  owners: ownersSchema,
  /** Higher wins; an edge that sees a higher one stops writing. */
  ownerTerm: z.int().nonnegative(),
  /** The StreamSession that transcodes for this channel, if there is one. */
  session: z
    .object({
      name: z.string(),
      uid: z.string(),
      /** Lower-case hex SHA-256 of the bearer token of its pods. */
      tokenSha256: z.string().regex(/^[0-9a-f]{64}$/),
      /** Names of the rungs that it encodes, a subset of `ladder`. */
      rungs: z.array(z.string()),
    })
    .nullable(),
  /** Epoch and last MSN that the Channel's status knows: a log that is lost goes on above them. */
  resume: z.object({ epoch: z.int().positive(), lastMsn: z.int().nonnegative() }).nullable(),
});
/** See {@link routeSchema}. */
export type Route = z.infer<typeof routeSchema>;

/** 64 bits of SHA-256 of a session id as 16 hex digits: ids themselves never leave the edge. */
const idHashSchema = z.string().regex(/^[0-9a-f]{16}$/);

/** Age of a goodbye that had to wait for a link, in seconds: a sign of life since then has made it void. */
const secondsAgoSchema = z.number().nonnegative().max(3600).default(0);

/** The whole audience of a channel, as the operator counts it over all edges. */
export const audienceSchema = z.object({
  uid: z.string(),
  viewers: z.int().nonnegative(),
  peak: z.int().nonnegative(),
  state: z.enum(['known', 'stale', 'unknown']),
  mode: modeSchema,
  /** The last decision in words. */
  reason: z.string(),
  /** What viewers get now, by the owner's word, for edges that do not own the channel. Older operators do not say it. */
  activeMode: modeSchema.optional(),
  /** Health of the source by the owner's word, without its message, which names hosts. */
  health: z.object({ state: z.enum(['healthy', 'degraded', 'down', 'unknown']), reason: z.string() }).optional(),
});
/** See {@link audienceSchema}. */
export type Audience = z.infer<typeof audienceSchema>;

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

/** Health of a source as the owner sees it. */
export const sourceHealthSchema = z.object({
  state: z.enum(['healthy', 'degraded', 'down', 'unknown']),
  /** CamelCase, stable, e.g. `SourceUnreachable`, `NotAPlaylist`, `SourceStalled`. */
  reason: z.string(),
  message: z.string(),
});
/** See {@link sourceHealthSchema}. */
export type SourceHealth = z.infer<typeof sourceHealthSchema>;

/** Why a channel cannot go below or above some mode. */
export const obstacleSchema = z.object({ reason: z.string(), message: z.string() });
/** See {@link obstacleSchema}. */
export type Obstacle = z.infer<typeof obstacleSchema>;

/** How a transcode session looks from the owner; relayed from its agent where the agent knows better. */
export const sessionReportSchema = z.object({
  name: z.string(),
  attempt: z.int().positive(),
  /** Waiting: no agent yet. Feeding: agent connected. Aligned: three rows in a row in time. Live: listed. Late: fell behind, source listed instead. */
  state: z.enum(['Waiting', 'Feeding', 'Aligned', 'Live', 'Late']),
  encoder: z.string(),
  /** Why the encoders before it in the list were passed over; empty if none was, or if the edge does not know. */
  fallback: z.string().default(''),
  /** Encoding speed relative to real time; null until measured. */
  speed: z.number().nullable(),
  /** Seconds of film encoded. */
  outTimeSeconds: z.number().nullable(),
  droppedRungs: z.array(z.string()),
  message: z.string(),
  /** From the start of the agent until each rung had its first segment stored; left out before. */
  firstSegmentsSeconds: z.number().nonnegative().optional(),
  /** What happened in the pod of this attempt besides. */
  incidents: incidentsSchema.optional(),
});
/** See {@link sessionReportSchema}. */
export type SessionReport = z.infer<typeof sessionReportSchema>;

/** What the owner of a channel says of it; sent on every change. */
export const ownerReportSchema = z.object({
  uid: z.string(),
  ownerTerm: z.int().nonnegative(),
  /** The mode of the newest listed segment (Idle: none is listed any more). */
  activeMode: modeSchema,
  epoch: z.int().nonnegative(),
  lastMsn: z.int().nonnegative(),
  facts: sourceFactsSchema.nullable(),
  health: sourceHealthSchema,
  /** Why Direct is impossible; null if it is possible or not yet known. */
  directObstacle: obstacleSchema.nullable(),
  /** Why Transcode is impossible; null if it is possible or not yet known. */
  transcodeObstacle: obstacleSchema.nullable(),
  session: sessionReportSchema.nullable(),
});
/** See {@link ownerReportSchema}. */
export type OwnerReport = z.infer<typeof ownerReportSchema>;

/** Longest time for which a seat is kept: three target durations of 20 s, far above any that is in use. */
export const MAX_HOLD_SECONDS = 60;

/** Edge to operator. `challenge` first; after a valid `hello` the edge sends `viewers` with `snapshot: true` for each channel, and its reports. */
export const edgeMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('challenge'),
    nonce: z.string(),
    podName: z.string(),
    podUid: z.string(),
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
    uid: z.string(),
    /** True: `joined` is everybody; false: a change against what was said before. */
    snapshot: z.boolean(),
    /** New ids, or ids whose evidence changed. `trusted` ids have asked for media playlists, the others only sent heartbeats. */
    joined: z.array(z.object({ id: idHashSchema, trusted: z.boolean() })),
    left: z.array(idHashSchema),
  }),
  /** Ids with a sign of life since the last such message; only while the route says `reportSigns`, at most every 2 s. */
  z.object({ type: z.literal('signs'), uid: z.string(), ids: z.array(idHashSchema) }),
  /** Viewers said goodbye here; other edges may count them too. Comes after the `viewers` of the same channel. */
  z.object({ type: z.literal('leave'), uid: z.string(), ids: z.array(idHashSchema), secondsAgo: secondsAgoSchema }),
  /** May these viewers, whom this edge does not count, come to a channel with `maxViewers`? An older operator does not answer. */
  z.object({
    type: z.literal('admit'),
    uid: z.string(),
    ids: z.array(idHashSchema).max(10_000),
    /** How long a seat is kept for who is let in and not counted yet; edges of older versions rely on the default. */
    holdSeconds: z.number().positive().max(MAX_HOLD_SECONDS).default(30),
    /** They have shown no sign of life: seats are kept for them before others like them, and nobody else. */
    provisional: z.boolean().default(false),
    /** They are in already, by the word of an earlier operator or, without one, of the edge: they are not refused. */
    letIn: z.boolean().default(false),
  }),
  /** Somebody asks this edge for a channel that it does not serve: its audience is wanted at once, and for a minute. */
  z.object({ type: z.literal('watch'), uid: z.string() }),
  /** A viewer cannot reach a Direct source. */
  z.object({ type: z.literal('sourceError'), uid: z.string(), message: z.string().max(500) }),
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
