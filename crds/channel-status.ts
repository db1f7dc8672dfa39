import { z } from 'zod';
import { conditionsSchema } from './conditions.ts';
import { atomicList } from './extensions.ts';
import { channelModeSchema } from './mode.ts';
import { ladderSchema } from './workload.ts';

/** How many decisions a Channel's status keeps. */
export const DECISIONS_MAX = 10;
const REASON_MAX_LENGTH = 1024;
/** Names of codecs (RFC 6381), e.g. avc1.64001f. */
const CODEC_MAX_LENGTH = 64;

/** Most renditions that a status names: those that are carried, and the names of audio within the pictures' segments. */
const RENDITIONS_MAX = 16;

const sourceRenditionSchema = z
  .object({
    name: z
      .string()
      .max(32)
      .describe("Its rung in the channel's playlists; source for audio in the pictures' segments."),
    kind: z.enum(['Video', 'Audio', 'Subtitles']).describe('Video, Audio or Subtitles.'),
    bitrateBps: z.int().min(0).describe('Peak bitrate of a picture in bit/s as the source declares it; 0 else.'),
    codecs: z.string().max(128).describe('Codecs of a picture and its audio as the source declares them; empty else.'),
    width: z.int32().min(0).describe('Width of a picture in pixels; 0 if unknown.'),
    height: z.int32().min(0).describe('Height of a picture in lines; 0 if unknown.'),
    frameRateMilli: z.int32().min(0).describe('Frames per second of a picture times 1000; 0 if unknown.'),
    label: z.string().max(128).describe('Name of audio or subtitles for people; empty for pictures.'),
    language: z.string().max(64).describe('Language of audio or subtitles (BCP 47); empty if unknown.'),
    default: z.boolean().describe('Whether players take it if the viewer has not chosen.'),
    autoselect: z.boolean().describe("Whether players may take it for the viewer's language."),
    forced: z.boolean().describe('Whether subtitles are to be shown always.'),
    msnOffset: z
      .int()
      .optional()
      .describe(
        "Media sequence number of one of its segments less that of the highest picture's segment of the same time; absent if they are the same.",
      ),
    channels: z
      .string()
      .max(64)
      .optional()
      .describe('Channels of audio as the source declares them (CHANNELS), for example 6; absent if it does not.'),
  })
  .describe('A rendition of the source beside its highest picture.');

const sourceCaptionsSchema = z
  .object({
    instreamId: z.string().max(16).describe('Where in the pictures they are, for example CC1 or SERVICE1.'),
    label: z.string().max(128).describe('Their name for people; empty if unknown.'),
    language: z.string().max(64).describe('Their language (BCP 47); empty if unknown.'),
    default: z.boolean().describe('Whether players show them if the viewer has not chosen.'),
    autoselect: z.boolean().describe("Whether players may take them for the viewer's language."),
  })
  .describe("Captions within the source's pictures (CEA-608, CEA-708).");

/** The fields of the probe have the names and units that the edges report. */
export const channelSourceFactsSchema = z
  .object({
    container: z.enum(['mpegts', 'fmp4', 'unknown']).describe('Container of the segments: mpegts, fmp4 or unknown.'),
    videoCodec: z
      .string()
      .max(CODEC_MAX_LENGTH)
      .describe('Codec of the video as in RFC 6381, for example avc1.64001f; empty if there is no video.'),
    audioCodec: z
      .string()
      .max(CODEC_MAX_LENGTH)
      .describe('Codec of the audio as in RFC 6381, for example mp4a.40.2; empty if there is no audio.'),
    width: z.int32().min(0).describe('Width of the picture in pixels; 0 if unknown.'),
    height: z.int32().min(0).describe('Height of the picture in lines; 0 if unknown. The ladder never goes above it.'),
    frameRateMilli: z.int32().min(0).describe('Frames per second times 1000, for example 29970; 0 if unknown.'),
    targetDurationSeconds: z.int32().min(1).describe("Target duration of the source's playlist in seconds."),
    bitrateBps: z.int().min(1).describe('Peak bitrate in bit/s, declared by the source or measured.'),
    windowSegments: z.int32().min(0).describe("Number of segments in the source's playlist."),
    startsWithKeyframe: z
      .boolean()
      .describe('Whether the probed segment starts with a keyframe, as a transcode needs.'),
    corsAllowed: z.boolean().describe('Whether the source admits players on any web page (CORS), as Direct needs.'),
    encryption: z
      .string()
      .max(4)
      .optional()
      .describe(
        'Scheme of Common Encryption that the initialization section of the source names, for example cenc or cbcs; absent if it is clear.',
      ),
    renditions: z
      .array(sourceRenditionSchema)
      .max(RENDITIONS_MAX)
      .meta(atomicList)
      .optional()
      .describe('Renditions of the source that are carried beside its highest picture; absent if there are none.'),
    captions: z
      .array(sourceCaptionsSchema)
      .max(8)
      .meta(atomicList)
      .optional()
      .describe(
        'Captions within its pictures that the source announces; empty if it says that there are none, absent if it says nothing.',
      ),
    leftOut: z
      .string()
      .max(REASON_MAX_LENGTH)
      .optional()
      .describe('What of the source is not carried, and why; absent if nothing is missing.'),
    probedAt: z.iso.datetime().describe('When the source was probed.'),
  })
  .describe('What the probe of the source found.');
/** Assignable from and to the edges' `SourceFacts`. */
export type ChannelSourceFacts = z.infer<typeof channelSourceFactsSchema>;

const sourceHealthSchema = z
  .object({
    state: z
      .enum(['Healthy', 'Degraded', 'Down', 'Unknown'])
      .describe('Healthy, Degraded, Down or Unknown; Unknown while nobody watches.'),
    reason: z.string().max(128).describe('Why, as one stable CamelCase word for programs.'),
    message: z.string().max(REASON_MAX_LENGTH).describe('Why, as a sentence for people.'),
  })
  .describe('Health of the source as the edge sees it.');

/** `status.viewers` of a Channel. */
export const viewersStatusSchema = z
  .object({
    count: z
      .int32()
      .min(0)
      .describe('Number of viewers. If state is Unknown this is the last known number, and no zero.'),
    peak: z.int32().min(0).describe('Highest count since the channel was last Idle.'),
    state: z
      .enum(['Known', 'Stale', 'Unknown'])
      .describe(
        'Known: every edge has reported. Stale: the reports of some edges are old. Unknown: some edges have not reported.',
      ),
  })
  .describe(
    'The audience. Written every 15 seconds or when the count changes by a tenth; the live number is at the status URL.',
  );

/** One entry of `status.decisions`: a change of mode and its reason. */
export const decisionSchema = z
  .object({
    time: z.iso.datetime().describe('When the decision was taken.'),
    from: channelModeSchema.describe('The mode before.'),
    to: channelModeSchema.describe('The mode decided for.'),
    viewers: z.int32().min(0).describe('Number of viewers that the decision counted.'),
    reason: z.string().max(REASON_MAX_LENGTH).describe('Why, as a sentence for people.'),
  })
  .describe('One change of the mode.');
/** One line of a Channel's history. */
export type Decision = z.infer<typeof decisionSchema>;

const pendingTransitionSchema = z
  .object({
    target: channelModeSchema.describe('The mode that the channel changes to if the audience stays.'),
    since: z.iso
      .datetime()
      .describe('Since when the audience has been past the threshold; the change comes hysteresisSeconds later.'),
  })
  .describe('A change of the mode that waits for the hysteresis window; absent if none waits.');

const sessionReferenceSchema = z
  .object({
    name: z.string().max(63).describe('Name of the StreamSession; absent if none runs.').optional(),
    serial: z.int32().min(0).describe('Number of the last StreamSession made for this channel; names never repeat.'),
  })
  .describe('The StreamSession that transcodes for this channel.');

/** `status` of a Channel, written by the operator alone. */
export const channelStatusSchema = z
  .object({
    observedGeneration: z.int().min(0).optional().describe('The metadata.generation that this status is about.'),
    mode: channelModeSchema.optional().describe('What viewers get now: Idle, Direct, Proxy or Transcode.'),
    desiredMode: channelModeSchema
      .optional()
      .describe('What the audience asks for. It differs from mode while a change is made.'),
    viewers: viewersStatusSchema.optional(),
    url: z
      .string()
      .max(2048)
      .optional()
      .describe(
        'URL for players: the multivariant playlist, whatever the mode. A path if no public address is configured.',
      ),
    source: z
      .object({ facts: channelSourceFactsSchema.optional(), health: sourceHealthSchema.optional() })
      .optional()
      .describe('What is known of the source.'),
    epoch: z
      .int32()
      .min(0)
      .optional()
      .describe('Epoch of the timeline: grows when the source restarts its numbers or is replaced.'),
    owner: z
      .string()
      .max(253)
      .optional()
      .describe("Name of the edge pod that owns the channel's timeline; none while the channel is Idle."),
    lastMsn: z.int().min(0).optional().describe('Highest media sequence number published in this epoch.'),
    session: sessionReferenceSchema.optional(),
    ladder: ladderSchema
      .optional()
      .describe(
        'The rungs that the playlists name now: those of the spec that are not higher than the source. An edit of the spec takes effect when the channel is Idle.',
      ),
    pendingTransition: pendingTransitionSchema.optional(),
    lastTransitionTime: z.iso.datetime().optional().describe('When desiredMode changed last.'),
    lastDelayedTransitionTime: z.iso
      .datetime()
      .optional()
      .describe('When desiredMode changed last after a wait; at most one such change is made per hysteresis window.'),
    directSuspendedUntil: z.iso
      .datetime()
      .optional()
      .describe('Until when the channel stays above Direct, because a viewer could not reach the source.'),
    transcodeSuspendedUntil: z.iso
      .datetime()
      .optional()
      .describe('Until when no new transcode is started after a failed one.'),
    transcodeFailures: z
      .int32()
      .min(0)
      .optional()
      .describe('Transcodes in a row that failed; the wait before the next grows with it.'),
    decisions: z
      .array(decisionSchema)
      .max(DECISIONS_MAX)
      .meta(atomicList)
      .optional()
      .describe('The last ten changes of the mode, the oldest first.'),
    conditions: conditionsSchema
      .optional()
      .describe(
        'The state of the channel: Ready sums up SourceHealthy, DirectPossible, TranscodePossible, TranscodeHealthy and LadderPending.',
      ),
  })
  .describe('What the channel is. Written by the operator.');
/** See {@link channelStatusSchema}. */
export type ChannelStatus = z.infer<typeof channelStatusSchema>;
