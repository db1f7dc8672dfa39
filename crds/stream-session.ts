import { z } from 'zod';
import { conditionsSchema } from './conditions.ts';
import { atomicList, validations } from './extensions.ts';
import { gpuSchema } from './gpu.ts';
import { API_VERSION, STREAM_SESSION_NAME_MAX_LENGTH, STREAM_SESSION_NAMES } from './group.ts';
import { objectMetaSchema } from './metadata.ts';
import {
  encoderPreferenceSchema,
  LADDER_MAX_RUNGS,
  ladderSchema,
  nodeSelectorSchema,
  presetSchema,
  prioritySchema,
  RESOURCE_NAME_MAX_LENGTH,
  resourcesSchema,
  tolerationsSchema,
} from './workload.ts';

/** `spec` of a StreamSession. */
export const streamSessionSpecSchema = z
  .object({
    channelRef: z
      .object({ name: z.string().min(1).max(63).describe('Name of the Channel, in the same namespace.') })
      .describe('The Channel that the session works for.'),
    kind: z.enum(['Transcode']).describe('What kind of work it is: Transcode.'),
    priority: prioritySchema,
    rungs: ladderSchema.min(1).describe('The renditions to make; at least one, at most 8.'),
    encoderPreference: encoderPreferenceSchema,
    preset: presetSchema,
    resources: resourcesSchema.optional().describe('CPU and memory of the pod.'),
    nodeSelector: nodeSelectorSchema.optional(),
    tolerations: tolerationsSchema.optional(),
    gpu: gpuSchema.optional(),
  })
  .meta(
    validations({
      rule: 'self == oldSelf',
      message:
        'spec of a StreamSession cannot be changed: delete the session, and its Channel makes a new one where one is needed',
    }),
  )
  .describe('What to run. It never changes.');
/** See {@link streamSessionSpecSchema}. */
export type StreamSessionSpec = z.infer<typeof streamSessionSpecSchema>;

/** Phases of a StreamSession in the order of its life; the last three are ends. */
export const PHASES = ['Pending', 'Starting', 'Running', 'Completed', 'Stored', 'Failed'] as const;
/** One of {@link PHASES}. */
export type StreamSessionPhase = (typeof PHASES)[number];

/** `status` of a StreamSession, written by the operator alone. */
export const streamSessionStatusSchema = z
  .object({
    observedGeneration: z.int().min(0).optional().describe('The metadata.generation that this status is about.'),
    phase: z
      .enum(PHASES)
      .optional()
      .describe(
        'Pending: waits for room within the limits, a pod or a node. Starting: the pod runs, its segments are not yet listed. Running: viewers get its segments. Completed: ended as asked. Stored: its result is kept. Failed: given up, the Succeeded condition says why.',
      ),
    podName: z.string().max(253).optional().describe('Name of the pod that works now, <session>-<attempt>.'),
    attempt: z.int32().min(0).optional().describe('Number of the current attempt; the first pod is 1.'),
    encoder: z.string().max(64).optional().describe("FFmpeg's name of the encoder that runs, for example libx264."),
    accelerator: z
      .string()
      .max(RESOURCE_NAME_MAX_LENGTH)
      .optional()
      .describe(
        'What the current pod was made for: the extended resource that it asks for, for example nvidia.com/gpu, or cpu.',
      ),
    progress: z
      .object({
        speedMilli: z
          .int32()
          .min(0)
          .optional()
          .describe(
            'Speed of the encoder against real time, times 1000: 1000 keeps up exactly; absent until measured.',
          ),
        outTimeSeconds: z.int().min(0).optional().describe('Seconds of film that were encoded.'),
      })
      .optional()
      .describe('How far the work is.'),
    droppedRungs: z
      .array(z.string().max(32))
      .max(LADDER_MAX_RUNGS)
      .meta(atomicList)
      .optional()
      .describe('Names of rungs that are left out because the pod cannot keep up with all of them.'),
    restarts: z.int32().min(0).optional().describe('How many pods had to be replaced.'),
    conditions: conditionsSchema
      .optional()
      .describe(
        'The state of the session: Admitted, PodScheduled, Ready and Succeeded; Accelerated where a GPU is asked for.',
      ),
  })
  .describe('What the session is. Written by the operator.');
/** See {@link streamSessionStatusSchema}. */
export type StreamSessionStatus = z.infer<typeof streamSessionStatusSchema>;

/** A StreamSession as the API server keeps it. */
export const streamSessionSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(STREAM_SESSION_NAMES.kind),
  metadata: objectMetaSchema,
  spec: streamSessionSpecSchema,
  status: streamSessionStatusSchema.optional(),
});
/** One run of work for a Channel. Made by the operator, seldom by people. */
export type StreamSession = z.infer<typeof streamSessionSchema>;

/** Rules over the whole object, which need its name. */
export const STREAM_SESSION_RULES = validations(
  {
    rule: `self.metadata.name.size() <= ${STREAM_SESSION_NAME_MAX_LENGTH}`,
    message: `metadata.name of a StreamSession must have at most ${STREAM_SESSION_NAME_MAX_LENGTH} characters: the names of its pods are longer, and end at 63`,
    fieldPath: '.metadata.name',
  },
  {
    rule: "!self.metadata.name.contains('.')",
    message: 'metadata.name of a StreamSession must not contain dots: pods and labels are named after it. Use dashes',
    fieldPath: '.metadata.name',
  },
);
