import { z } from 'zod';
import { channelStatusSchema } from './channel-status.ts';
import { validations } from './extensions.ts';
import { gpuSchema } from './gpu.ts';
import { API_VERSION, CHANNEL_NAME_MAX_LENGTH, CHANNEL_NAMES } from './group.ts';
import { objectMetaSchema } from './metadata.ts';
import { MODES } from './mode.ts';
import {
  ENCODERS,
  type Encoder,
  encoderPreferenceSchema,
  ladderSchema,
  nodeSelectorSchema,
  presetSchema,
  prioritySchema,
  type Resources,
  type Rung,
  resourcesSchema,
  tolerationsSchema,
} from './workload.ts';

/** The ladder of a Channel that names none: rungs above the source's height are left out for each channel. */
export const DEFAULT_LADDER: readonly Rung[] = [
  { name: '1080p', height: 1080, bitrateBps: 4_000_000, audioBitrateBps: 128_000 },
  { name: '720p', height: 720, bitrateBps: 2_500_000, audioBitrateBps: 128_000 },
  { name: '480p', height: 480, bitrateBps: 1_200_000, audioBitrateBps: 128_000 },
];
/** Encoders of a Channel that names none: a GPU where there is one. */
export const DEFAULT_ENCODERS: readonly Encoder[] = ENCODERS;
/**
 * Resources of a Channel that names none. libx264 veryfast needs about a core for the default ladder's smaller rungs
 * and below 1 GiB; without a cpu limit it may use what the node has left.
 */
export const DEFAULT_RESOURCES: Readonly<Resources> = {
  requests: { cpu: '1', memory: '512Mi' },
  limits: { memory: '2Gi' },
};
/** No channel has more viewers than this; it bounds thresholds and limits. */
const VIEWERS_MAX = 10_000_000;

const sourceSpecSchema = z
  .object({
    uri: z
      .string()
      .min(1)
      .max(2048)
      .describe(
        'URL of the source: an HLS playlist (multivariant or media) at an http or https address, without user and password.',
      )
      .meta(
        validations(
          {
            rule: "isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHost() != ''",
            message:
              'source.uri must be the http:// or https:// URL of an HLS playlist, for example https://media.example.org/film/index.m3u8; other kinds of source are not supported yet',
          },
          {
            rule: "!self.matches('^[^/?#]*//[^/?#]*@')",
            message:
              'source.uri must not contain a user or password, which everybody who may read the Channel would see: put an Authorization header into a Secret and name it in source.headersFrom',
          },
          {
            rule: "!self.matches('[[:space:]]')",
            message: 'source.uri must not contain spaces or line breaks: write %20 for a space',
          },
        ),
      ),
    headersFrom: z
      .object({
        secretRef: z
          .object({
            name: z.string().min(1).max(253).describe("Name of the Secret, in the Channel's namespace."),
          })
          .describe('The Secret with the headers: every key is the name of a header, its value the value.'),
      })
      .optional()
      .describe(
        'Request headers for the source, out of a Secret, for example Authorization. They are sent to the origin of uri alone (scheme, host and port; also where that host redirects from http to https), not to other hosts that a playlist or a redirect names. Viewers never see them; with them the channel cannot be Direct, and Proxy is its least mode.',
      ),
  })
  .describe('Where the channel comes from.');

const thresholdsSchema = z
  .object({
    proxy: z
      .int32()
      .min(1)
      .max(VIEWERS_MAX)
      .default(2)
      .describe('Number of viewers from which on the channel is in Proxy; 2 by default. 1 means never Direct.'),
    transcode: z
      .int32()
      .min(1)
      .max(VIEWERS_MAX)
      .default(4)
      .describe('Number of viewers from which on the channel is in Transcode, greater than proxy; 4 by default.'),
  })
  .meta(
    validations({
      rule: 'self.transcode > self.proxy',
      message:
        'delivery.thresholds.transcode must be greater than delivery.thresholds.proxy: a growing audience passes Proxy on its way to Transcode',
      fieldPath: '.transcode',
    }),
  );

/** CEL map from mode to its place in the order of the modes. */
const MODE_ORDER = `{${MODES.map((mode, place) => `'${mode}': ${place}`).join(', ')}}`;

const deliverySchema = z
  .object({
    minimumMode: z
      .enum(MODES)
      .default('Idle')
      .describe(
        'The mode that the channel never falls below, even with nobody watching: Idle (default), Direct, Proxy or Transcode. The same value as maximumMode pins the mode.',
      ),
    maximumMode: z
      .enum(['Direct', 'Proxy', 'Transcode'])
      .default('Transcode')
      .describe(
        'The mode that the channel never rises above, whatever its audience: Direct, Proxy or Transcode (default).',
      ),
    thresholds: thresholdsSchema
      .prefault({})
      .describe('Numbers of viewers at which the mode changes. One viewer below proxy is served in Direct.'),
    hysteresisSeconds: z
      .int32()
      .min(0)
      .max(3600)
      .default(30)
      .describe(
        'How long the audience must have stayed past a threshold in seconds, before Transcode starts or the mode falls; 30 by default, at most 3600. The rise to Proxy never waits. 0 changes at once and is meant for tests.',
      ),
    exposeSource: z
      .boolean()
      .optional()
      .describe(
        "Whether viewers may see source.uri, as they do in Direct. Left out, they may if the URL has no query (queries often hold keys). With false the channel's least mode is Proxy.",
      ),
    latency: z
      .enum(['Standard', 'Low'])
      .default('Standard')
      .describe(
        'How far viewers are behind the source: Standard (default) is about four target durations. Low is reserved for a later version and refused by this one.',
      )
      .meta(
        validations({
          rule: "self != 'Low'",
          message:
            'delivery.latency Low is reserved for a later version of Sluice: use Standard or leave the field out',
        }),
      ),
  })
  .meta(
    validations({
      rule: `${MODE_ORDER}[self.minimumMode] <= ${MODE_ORDER}[self.maximumMode]`,
      message:
        'delivery.minimumMode must not be above delivery.maximumMode; the order is Idle, Direct, Proxy, Transcode',
      fieldPath: '.minimumMode',
    }),
  )
  .describe('Which mode the channel is in, depending on its audience.');

const viewersSpecSchema = z
  .object({
    heartbeatSeconds: z
      .int32()
      .min(1)
      .max(3600)
      .default(30)
      .describe('Interval in seconds at which players are asked to send heartbeats; 30 by default, at most 3600.'),
    timeoutSeconds: z
      .int32()
      .min(1)
      .max(7200)
      .default(60)
      .describe(
        'How long after its last heartbeat a viewer counts as gone, in seconds, not less than heartbeatSeconds; 60 by default, at most 7200. 5 seconds of grace are added for the way.',
      ),
    identity: z
      .enum(['UrlSession', 'HeartbeatOnly'])
      .default('UrlSession')
      .describe(
        'How viewers are told apart. UrlSession (default) puts a session id into the URLs of the media playlists. HeartbeatOnly leaves URLs alone, for a CDN in front: then only players that send heartbeats count, and Transcode also needs trustHeartbeats.',
      ),
    trustHeartbeats: z
      .boolean()
      .default(false)
      .describe(
        'Whether viewers that only send heartbeats may start a transcode; false by default, because such viewers are cheap to forge. They keep Direct and Proxy up in any case.',
      ),
    maxViewers: z
      .int32()
      .min(1)
      .max(VIEWERS_MAX)
      .optional()
      .describe(
        'Number of viewers from which on new ones are refused with status 429 and STREAM_LIMIT_EXCEEDED; no limit by default.',
      ),
  })
  .meta(
    validations({
      rule: 'self.timeoutSeconds >= self.heartbeatSeconds',
      message:
        'viewers.timeoutSeconds must not be less than viewers.heartbeatSeconds: a viewer who sends every heartbeat in time would count as gone',
      fieldPath: '.timeoutSeconds',
    }),
  )
  .describe('How viewers are counted.');

const transcodeSpecSchema = z
  .object({
    ladder: ladderSchema
      .default(() => DEFAULT_LADDER.map((rung) => ({ ...rung })))
      .describe(
        "The renditions beside the source's own; at most 8. The default is 1080p with 4000 kbit/s, 720p with 2500 kbit/s and 480p with 1200 kbit/s. A change takes effect when the channel is Idle, because its URL has named the old ladder (condition LadderPending).",
      ),
    encoderPreference: encoderPreferenceSchema.default(() => [...DEFAULT_ENCODERS]),
    preset: presetSchema.default('veryfast'),
    priority: prioritySchema,
    resources: resourcesSchema
      .default(() => structuredClone(DEFAULT_RESOURCES))
      .describe(
        'CPU and memory of the transcode pod. By default it requests 1 cpu and 512Mi and is limited to 2Gi of memory; if the field is set, it replaces all of that.',
      ),
    nodeSelector: nodeSelectorSchema.optional(),
    tolerations: tolerationsSchema.optional(),
    gpu: gpuSchema.optional(),
  })
  .describe('How the channel is transcoded, in Transcode.');

/** Rules over more than one part of the spec. */
const SPEC_RULES = validations(
  {
    rule: "self.delivery.maximumMode != 'Transcode' || self.transcode.ladder.size() > 0",
    message:
      'transcode.ladder must have a rung while delivery.maximumMode is Transcode: add one, or set delivery.maximumMode: Proxy',
    fieldPath: '.transcode.ladder',
  },
  {
    rule: "self.delivery.maximumMode != 'Direct' || !has(self.delivery.exposeSource) || self.delivery.exposeSource",
    message:
      'delivery.maximumMode Direct sends every viewer to the source, but delivery.exposeSource is false: allow Proxy, or set exposeSource: true',
    fieldPath: '.delivery.maximumMode',
  },
  {
    rule: "self.delivery.maximumMode != 'Direct' || !self.source.uri.contains('?') || has(self.delivery.exposeSource)",
    message:
      'delivery.maximumMode Direct shows source.uri to every viewer, and it has a query, which may hold a key: allow Proxy, or set delivery.exposeSource: true',
    fieldPath: '.delivery.maximumMode',
  },
  {
    rule: "self.delivery.maximumMode != 'Direct' || !has(self.source.headersFrom)",
    message:
      'delivery.maximumMode Direct sends viewers to the source without the headers of source.headersFrom: allow Proxy, or remove headersFrom',
    fieldPath: '.delivery.maximumMode',
  },
);

/** `spec` of a Channel. */
export const channelSpecSchema = z
  .object({
    source: sourceSpecSchema,
    delivery: deliverySchema.prefault({}),
    viewers: viewersSpecSchema.prefault({}),
    transcode: transcodeSpecSchema.prefault({}),
  })
  .meta(SPEC_RULES)
  .describe('What the channel shall be.');
/** A Channel's spec with all defaults filled in, as the API server stores it. */
export type ChannelSpec = z.infer<typeof channelSpecSchema>;
/** A Channel's spec as a person writes it: fields with defaults may be left out. */
export type ChannelSpecInput = z.input<typeof channelSpecSchema>;

/** A Channel as the API server keeps it. */
export const channelSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(CHANNEL_NAMES.kind),
  metadata: objectMetaSchema,
  spec: channelSpecSchema,
  status: channelStatusSchema.optional(),
});
/** A channel: one source, one viewer URL, and the delivery that its audience is worth. */
export type Channel = z.infer<typeof channelSchema>;

/** Rules over the whole object, which need its name. */
export const CHANNEL_RULES = validations(
  {
    rule: `self.metadata.name.size() <= ${CHANNEL_NAME_MAX_LENGTH}`,
    message: `metadata.name of a Channel must have at most ${CHANNEL_NAME_MAX_LENGTH} characters: the names of its pods are longer, and end at 63`,
    fieldPath: '.metadata.name',
  },
  {
    rule: "!self.metadata.name.contains('.')",
    message: 'metadata.name of a Channel must not contain dots: pods and labels are named after it. Use dashes',
    fieldPath: '.metadata.name',
  },
);
