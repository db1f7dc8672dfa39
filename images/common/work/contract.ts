import { z } from 'zod';
import { incidentsSchema } from './incident.ts';

/**
 * The work API: how the agent in a transcode pod talks to the channel's owner, at the edge's internal port (8081).
 *
 *   base     /internal/v1/sessions/{namespace}/{session}
 *   headers  Authorization: Bearer TOKEN      Sluice-Attempt: N (the pod is SESSION-N)
 *
 *   GET  base/work?epoch=E&after=MSN       long poll (at most 20 s); start with epoch=0&after=-1. Answers `Work`.
 *                                          &ended=true|false, what the last answer said of it: answers at once where
 *                                          that has changed
 *   GET  base/source/{epoch}/{msn}         the bytes of a source segment
 *   GET  base/init/{epoch}/{msn}           the bytes of the initialization section (EXT-X-MAP) that it needs;
 *                                          404 where its source has none
 *   PUT  base/segments/{epoch}/{rung}/{msn}  bytes of one rung's segment: 201 stored, 200 known already,
 *                                          409 a newer attempt works, 410 epoch over, 422 segment is broken,
 *                                          404 nothing such is wanted, 429 too many at a time
 *   POST base/report                       `AgentReport`, at least every 5 s
 *   POST base/drain                        `{}` -> `DrainAnswer`; asked by preStop until done
 *
 * Errors have the shape of the public API: `{"error":{"code","message"}}`.
 *
 * A rung is of its source's container. MPEG-TS: content type {@link MPEG_TS_TYPE}, the body is the segment. Fragmented
 * MP4: content type {@link MP4_TYPE}, the body is the rung's own initialization section (ftyp, moov), and directly behind
 * it the segment (styp, moof, mdat): one request, so that there is no order between two. `readInit` of
 * images/common/mp4/section.ts parts them. Tracks, their ids, timescales, decode times and edit lists are the source's;
 * what it has besides pictures is in the rung sample by sample, so a source of pictures alone gives rungs of pictures alone.
 */

/** Longest hold of a work long poll in seconds: below the 30 s after which idle connections are commonly cut. */
export const WORK_POLL_SECONDS = 20;

/** Largest segment in bytes that is accepted: 10 s at 40 Mbit/s. */
export const MAX_SEGMENT_BYTES = 50_000_000;

/** Content type of a rung's segment in MPEG-TS (RFC 8216bis 3.1.1). */
export const MPEG_TS_TYPE = 'video/mp2t';
/** Content type of a rung's segment in fragmented MP4, its initialization section in front. */
export const MP4_TYPE = 'video/mp4';

/** Longest name of an initialization section in characters; names are hashes or parts of paths. */
const MAX_INIT_NAME_LENGTH = 1_000;

/** Source segments, oldest first, that are stored at the owner and that the agent has to feed next, in this order. */
export const workSchema = z.object({
  epoch: z.int().positive(),
  targetDurationSeconds: z.int().positive(),
  segments: z.array(
    z.object({
      msn: z.int().nonnegative(),
      durationSeconds: z.number().positive(),
      /** Timestamps break before this segment (the source's own discontinuity): start a new encoder run. */
      discontinuity: z.boolean(),
      /**
       * Name of the initialization section that the segment needs, opaque: equal names are equal bytes, so it is asked
       * for once, and another name starts a new encoder run. There exactly where the source is fragmented MP4.
       */
      init: z.string().min(1).max(MAX_INIT_NAME_LENGTH).optional(),
    }),
  ),
  /**
   * Nothing follows these segments, nor the ones before where there are none: the source has ended, so that the last one
   * of each rung is complete. False again where the source goes on. Left out where the edge does not say.
   */
  ended: z.boolean().optional(),
  /** The owner needs nothing more: exit with 0. */
  stop: z.boolean(),
});
/** See {@link workSchema}. */
export type Work = z.infer<typeof workSchema>;

/** Longest message of an agent in characters: some lines of FFmpeg; more is cut. */
const MAX_MESSAGE_LENGTH = 1_000;

/** What the agent says of itself; it goes on to the operator, so that everything in it is bounded. */
export const agentReportSchema = z.object({
  state: z.enum(['Probing', 'Encoding', 'Draining', 'Failed']),
  encoder: z.string().max(100),
  /** Why the encoders before it in the list were passed over; empty if none was. */
  fallback: z
    .string()
    .default('')
    .transform((text) => text.slice(0, MAX_MESSAGE_LENGTH)),
  speed: z.number().nonnegative().nullable(),
  outTimeSeconds: z.number().nullable(),
  /** Newest source segment fed; null before the first. */
  fedMsn: z.int().nullable(),
  droppedRungs: z.array(z.string().max(63)).max(8),
  cpuPercent: z.number().nullable(),
  memoryBytes: z.number().nullable(),
  message: z.string().transform((text) => text.slice(0, MAX_MESSAGE_LENGTH)),
  /** From the start of the agent until each rung had its first segment stored; left out before. */
  firstSegmentsSeconds: z.number().nonnegative().optional(),
  /** What happened in this pod besides. */
  incidents: incidentsSchema.optional(),
});
/** See {@link agentReportSchema}. */
export type AgentReport = z.infer<typeof agentReportSchema>;

/** `done`: everything listed is stored and something else is listed behind it, so the pod may end. */
export const drainAnswerSchema = z.object({ done: z.boolean() });
/** See {@link drainAnswerSchema}. */
export type DrainAnswer = z.infer<typeof drainAnswerSchema>;

/** What a transcode pod has to do, as the operator puts it into SLUICE_JOB (JSON). */
export const jobSchema = z.object({
  rungs: z
    .array(
      z.object({
        name: z.string(),
        height: z.int().positive(),
        bitrateBps: z.int().positive(),
        audioBitrateBps: z.int().positive(),
      }),
    )
    .min(1)
    .max(8),
  /** Encoders in the order of preference, FFmpeg's names. */
  encoders: z.array(z.string()).min(1),
  /** libx264 preset. */
  preset: z.string(),
});
/** See {@link jobSchema}. */
export type Job = z.infer<typeof jobSchema>;
