import { z } from 'zod';
import { atomicList, listMap, validations } from './extensions.ts';

/**
 * What a transcode pod needs: the same fields in `Channel.spec.transcode`, where a person writes them, and in
 * `StreamSession.spec`, where the operator copies them to.
 */

/** Playlists of a channel are called `<rung>.m3u8`; these names are taken by the source's own and the multivariant. */
const RESERVED_RUNG_NAMES = ['source', 'index'] as const;
/** A ladder with more rungs than this costs viewers more choice than it gives. */
export const LADDER_MAX_RUNGS = 8;

/** One rendition of the ladder: `height` in pixels, `bitrateBps` of the video in bit/s. */
export const rungSchema = z
  .object({
    name: z
      .string()
      .min(1)
      .max(32)
      .describe(
        'Name of the rung, unique in the ladder. It is part of the URLs: at most 32 lower-case letters, digits and dashes. "source", "index" and names that begin with "source-" are reserved.',
      )
      .meta(
        validations(
          {
            rule: "self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",
            message:
              'name of a rung is part of URLs: use lower-case letters, digits and dashes, with a letter or digit at both ends, for example 720p',
          },
          {
            rule: `!(self in ['${RESERVED_RUNG_NAMES.join("', '")}']) && !self.startsWith('source-')`,
            message:
              'name of a rung must not be "source" or "index", nor begin with "source-": the channel\'s own playlists have these names. Use for example 720p',
          },
        ),
      ),
    height: z
      .int32()
      .min(64)
      .max(4320)
      .describe(
        'Height of the picture in lines, even, from 64 to 4320; the width follows from the source. A rung that is higher than the source is left out.',
      )
      .meta(
        validations({
          rule: 'self % 2 == 0',
          message: 'height must be an even number of lines: H.264 cannot encode an odd one in 4:2:0',
        }),
      ),
    bitrateBps: z
      .int32()
      .min(50_000)
      .max(100_000_000)
      .describe('Average bitrate of the video in bit/s, from 50000 to 100000000; 4000000 is 4 Mbit/s.'),
    audioBitrateBps: z
      .int32()
      .min(8_000)
      .max(1_000_000)
      .default(128_000)
      .describe(
        "Bitrate of the audio in bit/s, from 8000 to 1000000; 128000 by default. AAC audio is copied from the source as it is: then the value only counts towards the playlist's BANDWIDTH.",
      ),
  })
  .describe('One rendition that the transcoder makes.');
/** One rendition of the ladder. */
export type Rung = z.infer<typeof rungSchema>;

/** Renditions by name, in any order; at most {@link LADDER_MAX_RUNGS}. */
export const ladderSchema = z.array(rungSchema).max(LADDER_MAX_RUNGS).meta(listMap('name'));

/** H.264 encoders by FFmpeg's names. */
export const ENCODERS = ['h264_nvenc', 'h264_qsv', 'h264_vaapi', 'libx264'] as const;
/** An H.264 encoder by FFmpeg's name. */
export type Encoder = (typeof ENCODERS)[number];

/** Encoders to try, the most wanted first; holds libx264, which works on any node. */
export const encoderPreferenceSchema = z
  .array(z.enum(ENCODERS).describe("FFmpeg's name of an H.264 encoder."))
  .min(1)
  .max(ENCODERS.length)
  .describe(
    "H.264 encoders by FFmpeg's names, the most wanted first. The default is h264_nvenc (NVIDIA), h264_qsv (Intel), h264_vaapi (Intel, AMD), libx264 (CPU). The first that encodes ten frames in the pod is taken, so that a GPU without an encoder is passed over; the list must contain libx264.",
  )
  .meta({
    ...atomicList,
    ...validations(
      {
        rule: "'libx264' in self",
        message:
          'encoderPreference must contain libx264: it is the encoder that works on every node. Put it last to use it only where no GPU encoder works',
      },
      {
        rule: 'self.all(encoder, self.exists_one(other, other == encoder))',
        message: 'encoderPreference must name each encoder once',
      },
    ),
  });

/** Presets of x264, from the least CPU to the best picture. */
const PRESETS = [
  'ultrafast',
  'superfast',
  'veryfast',
  'faster',
  'fast',
  'medium',
  'slow',
  'slower',
  'veryslow',
] as const;

/** Preset of libx264. */
export const presetSchema = z
  .enum(PRESETS)
  .describe(
    'Preset of libx264: how much CPU a better picture may cost, from ultrafast to veryslow; veryfast by default. A transcode that cannot keep up with real time is not shown to viewers.',
  );

/** Bound of a priority in both directions: more steps than anybody needs to tell channels apart. */
const PRIORITY_BOUND = 1000;

/** Place in the queue of sessions that wait for room under the limits. */
export const prioritySchema = z
  .int32()
  .min(-PRIORITY_BOUND)
  .max(PRIORITY_BOUND)
  .default(0)
  .describe(
    'Which StreamSession starts first when more want to run than the limits allow: the higher number; from -1000 to 1000, 0 by default. A session that runs is never stopped for another one, and one that waits keeps the priority that it was made with.',
  );

/** A quantity that is not negative, as Kubernetes writes it (resource.Quantity): 2, "500m", "1Gi". */
export const quantitySchema = z.union([
  z.int32().min(0),
  z
    .string()
    .max(32)
    .regex(/^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$/),
]);
/** A quantity as Kubernetes writes it. */
export type Quantity = z.infer<typeof quantitySchema>;

/** Longest name of a resource. They are qualified names: a DNS name of at most 253 characters, a slash and 63 characters. */
export const RESOURCE_NAME_MAX_LENGTH = 317;

function quantitiesSchema(description: string) {
  return z
    .record(z.string().max(RESOURCE_NAME_MAX_LENGTH), quantitySchema)
    .meta({ maxProperties: 16 })
    .optional()
    .describe(description);
}

/** Requests and limits of a transcode pod by resource name; no request above its limit. */
export const resourcesSchema = z
  .object({
    requests: quantitiesSchema('What the pod needs to be scheduled, for example cpu: "2" and memory: 512Mi.'),
    limits: quantitiesSchema(
      'What the pod may use at most. A limit on cpu slows the encoder down; one on memory ends it.',
    ),
  })
  .meta(
    validations({
      rule: '!has(self.requests) || !has(self.limits) || self.requests.all(name, !(name in self.limits) || quantity(string(self.requests[name])).compareTo(quantity(string(self.limits[name]))) <= 0)',
      message: 'resources.requests must not be greater than resources.limits: no pod could be made with them',
    }),
  );
/** Requests and limits of a transcode pod. */
export type Resources = z.infer<typeof resourcesSchema>;

/** Labels of nodes, as in a PodSpec; lengths are those of a label's key with prefix and of its value. */
export const nodeSelectorSchema = z
  .record(z.string().max(317), z.string().max(63))
  .meta({ maxProperties: 16 })
  .describe('Labels that a node must have to run the transcode pod; none by default.');

/** A toleration, as in a PodSpec (core/v1 Toleration). */
export const tolerationSchema = z
  .object({
    key: z.string().max(317).optional().describe('Key of the taint; empty with operator Exists means every taint.'),
    operator: z
      .enum(['Exists', 'Equal'])
      .default('Equal')
      .describe('How value is compared: Equal (default) or Exists, which takes any value.'),
    value: z.string().max(63).optional().describe('Value of the taint, for operator Equal.'),
    effect: z
      .enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
      .optional()
      .describe('Effect of the taint: NoSchedule, PreferNoSchedule or NoExecute; left out, all of them.'),
    tolerationSeconds: z
      .int32()
      .min(0)
      .optional()
      .describe('For NoExecute: how long the pod stays on the node in seconds; left out, for ever.'),
  })
  .meta(
    validations(
      {
        rule: "self.operator != 'Exists' || !has(self.value) || self.value == ''",
        message: 'value must be left out where operator is Exists: Exists takes any value',
        fieldPath: '.value',
      },
      {
        rule: "self.operator == 'Exists' || (has(self.key) && self.key != '')",
        message: 'key must be set where operator is Equal; to tolerate every taint write operator: Exists',
      },
      {
        rule: "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
        message: 'tolerationSeconds only works with effect: NoExecute',
        fieldPath: '.tolerationSeconds',
      },
    ),
  );
/** A toleration, as in a PodSpec. */
export type Toleration = z.infer<typeof tolerationSchema>;

/** Tolerations of a transcode pod, at most 16. */
export const tolerationsSchema = z
  .array(tolerationSchema)
  .max(16)
  .meta(atomicList)
  .describe('Taints of nodes that the transcode pod tolerates, as in a pod; none by default.');
