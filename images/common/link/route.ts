import { z } from 'zod';
import { modeSchema } from './mode.ts';
import { sourceFactsSchema } from './source-facts.ts';

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
