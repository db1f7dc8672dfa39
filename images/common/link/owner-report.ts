import { z } from 'zod';
import { incidentsSchema } from '../work/incident.ts';
import { modeSchema } from './mode.ts';
import { sourceFactsSchema } from './source-facts.ts';
import { uidSchema } from './uid.ts';

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
  /** Of the StreamSession: a DNS name. */
  name: z.string().max(253),
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
  uid: uidSchema,
  ownerTerm: z.int().nonnegative(),
  /** The mode of the newest listed segment (Idle: none is listed any more; Proxy at most once the playlists have ended). */
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
