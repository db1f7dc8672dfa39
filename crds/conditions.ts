import { z } from 'zod';
import { listMap } from './extensions.ts';

/** Kubernetes' own limit for a condition's message is 32 KiB; people read one sentence. */
const MESSAGE_MAX_LENGTH = 4096;

/** metav1.Condition (Kubernetes API conventions, "Typical status properties"). */
export const conditionSchema = z.object({
  type: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[A-Z][A-Za-z0-9]*$/)
    .describe('Name of the condition in CamelCase, for example Ready.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether the condition holds: True, False or Unknown.'),
  observedGeneration: z
    .int()
    .min(0)
    .optional()
    .describe(
      'The metadata.generation for which the condition was set. A lower one than the current means: out of date.',
    ),
  lastTransitionTime: z.iso.datetime().describe('When status changed last.'),
  reason: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[A-Z][A-Za-z0-9]*$/)
    .describe('Why, as one stable CamelCase word for programs.'),
  message: z
    .string()
    .max(MESSAGE_MAX_LENGTH)
    .describe('Why, as a sentence for people, with the remedy where there is one.'),
});
/** See {@link conditionSchema}. */
export type Condition = z.infer<typeof conditionSchema>;
/** `True`, `False` or `Unknown`. */
export type ConditionStatus = Condition['status'];

/** The `conditions` list of every status: one entry per type. */
export const conditionsSchema = z.array(conditionSchema).max(16).meta(listMap('type'));

/** Types of a Channel's conditions. `Ready` sums the others up. */
export const CHANNEL_CONDITIONS = {
  /** The channel's URL plays, or would play at once if somebody asked. */
  ready: 'Ready',
  /** The source answers with a playlist that advances. Unknown while nobody watches. */
  sourceHealthy: 'SourceHealthy',
  /** Viewers may be sent to the source itself. False: Proxy is the least mode, and the reason says why. */
  directPossible: 'DirectPossible',
  /** The source may be transcoded. False: Proxy is the highest mode, and the reason says why. */
  transcodePossible: 'TranscodePossible',
  /** The running transcode delivers in time. False: the edge went on with the source, and the reason says why. */
  transcodeHealthy: 'TranscodeHealthy',
  /** True: the ladder was edited while people watch; the edit takes effect when the channel is Idle. */
  ladderPending: 'LadderPending',
} as const;
/** One of {@link CHANNEL_CONDITIONS}. */
export type ChannelConditionType = (typeof CHANNEL_CONDITIONS)[keyof typeof CHANNEL_CONDITIONS];

/** Types of a StreamSession's conditions. */
export const STREAM_SESSION_CONDITIONS = {
  /** The session is within the limits of its owner and of the cluster. False: it waits until another one ends. */
  admitted: 'Admitted',
  /** A pod runs on a node. */
  podScheduled: 'PodScheduled',
  /** The segments of all rungs arrive at the edge in time. */
  ready: 'Ready',
  /** The encoder runs on the GPU that spec.gpu asks for. False: on the CPU, and the reason says why. */
  accelerated: 'Accelerated',
  /** How the session ended; Unknown while it runs. */
  succeeded: 'Succeeded',
} as const;
/** One of {@link STREAM_SESSION_CONDITIONS}. */
export type StreamSessionConditionType = (typeof STREAM_SESSION_CONDITIONS)[keyof typeof STREAM_SESSION_CONDITIONS];
