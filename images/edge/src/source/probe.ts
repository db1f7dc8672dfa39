import { messageOf } from '@sluice/common/errors/error.ts';
import type { SourceFacts } from '@sluice/common/link/source-facts.ts';
import { inspectFragment } from '@sluice/common/mp4/fragment.ts';
import type { InitInspection } from '@sluice/common/mp4/init.ts';
import { MAX_INIT_BYTES } from '@sluice/common/mp4/section.ts';
import { inspectSegment } from '@sluice/common/mpegts/inspect.ts';
import type { SourceClient, SourceResponse } from './client.ts';
import { type MediaStart, startOfFragment, startOfTs } from './content.ts';
import { sourceError } from './errors.ts';
import {
  admitsAnyPage,
  declaredMedia,
  factsOf,
  type MediaFacts,
  mp4Media,
  type SegmentSample,
  sampleOf,
  tsMedia,
  UNKNOWN_MEDIA,
} from './facts.ts';
import type { SourceFollower } from './follower.ts';
import type { SourceHeaders } from './headers.ts';
import { checkedInit } from './init.ts';
import { MAX_BEHIND } from './join.ts';
import type { SourceSegment } from './parse.ts';
import { NOTHING_BESIDE, probeRenditions } from './probe-renditions.ts';

/** Bytes read of a segment: tables, the first keyframe of a 20 Mbit/s stream and the audio beside it. */
const PROBE_BYTES = 512 * 1024;

/** A TS packet (ISO/IEC 13818-1 2.4.3.2). */
const PACKET_BYTES = 188;

/** Limit for the start of one segment. */
const PROBE_TIMEOUT_MS = 10_000;

/** Sent as Origin; an answer that admits this name, which nobody has, admits every page. */
export const PROBE_ORIGIN = 'https://sluice.invalid';

/** Result of a probe. */
export interface ProbeResult {
  readonly facts: SourceFacts;
  readonly sample: SegmentSample;
}

/** Whether bytes begin with MPEG-TS packets. */
function looksLikeTs(bytes: Uint8Array): boolean {
  return bytes[0] === 0x47 && (bytes.length <= PACKET_BYTES || bytes[PACKET_BYTES] === 0x47);
}

/** When the probed segment begins; null where that cannot be read, and nothing can be compared with it. */
function startOf(bytes: Uint8Array, init: InitInspection | null): MediaStart | null {
  if (init !== null) return startOfFragment(bytes, init, true);
  return looksLikeTs(bytes) ? startOfTs(inspectSegment(wholePackets(bytes))) : null;
}

function wholePackets(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, bytes.length - (bytes.length % PACKET_BYTES));
}

/** What the start of a segment says; `init` is null where the segment needs none. Throws TS_INVALID and SEGMENT_BROKEN. */
function inspectStart(bytes: Uint8Array, init: InitInspection | null): MediaFacts {
  if (init !== null) {
    try {
      return mp4Media(init, inspectFragment(bytes, init, true));
    } catch (error) {
      throw sourceError('SEGMENT_BROKEN', `A segment of the source cannot be used: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
  if (!looksLikeTs(bytes)) return UNKNOWN_MEDIA;
  return tsMedia(inspectSegment(wholePackets(bytes)));
}

/** The initialization section of encrypted segments; null where it is encrypted as well, or cannot be read. */
function clearSection({ mapKeys }: SourceSegment, init: SourceResponse | null): InitInspection | null {
  if (init === null || mapKeys.some(({ method }) => !method.startsWith('SAMPLE-AES'))) return null;
  try {
    return checkedInit(init.bytes);
  } catch {
    return null;
  }
}

/**
 * Looks at the source once: its playlist and the start of its newest but one segment (the newest may still be
 * written), behind the initialization section that it needs; of an older one where other renditions, which may be a little
 * behind, are compared with it. Throws the errors of the follower, of the client, TS_INVALID
 * and SEGMENT_BROKEN.
 */
export async function probeSource(
  client: SourceClient,
  follower: SourceFollower,
  headers: SourceHeaders,
  now: () => number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { playlist, choice, allowOrigin } = await follower.look(signal);
  const listed = playlist?.segments.filter(({ gap }) => !gap) ?? [];
  const isCompared = choice !== null && choice.candidates.length > 0;
  const segment = listed.at(isCompared ? -1 - MAX_BEHIND : -2) ?? listed[0];
  if (playlist === null || segment === undefined) {
    throw sourceError('SOURCE_STALLED', "The source's playlist has no segments yet, or nothing but gaps");
  }
  const { map } = segment;
  const bounds = { headers, timeoutMs: PROBE_TIMEOUT_MS, signal };
  const init =
    map === null
      ? null
      : await client.read({
          ...bounds,
          url: map.uri,
          maxBytes: MAX_INIT_BYTES,
          ...(map.range === null ? {} : { range: map.range }),
        });
  const answer = await client.read({
    ...bounds,
    url: segment.uri,
    maxBytes: segment.range === null ? PROBE_BYTES : Math.min(PROBE_BYTES, segment.range.length),
    partial: true,
    origin: PROBE_ORIGIN,
    ...(segment.range === null ? {} : { range: segment.range }),
  });
  const isReadable = segment.keys.length === 0 && segment.mapKeys.length === 0;
  const inspection = init === null || !isReadable ? null : checkedInit(init.bytes);
  const media = isReadable
    ? inspectStart(answer.bytes, inspection)
    : declaredMedia(segment, choice === null ? null : choice.reference, clearSection(segment, init));
  const beside =
    choice === null
      ? NOTHING_BESIDE
      : await probeRenditions(choice, {
          ...{ client, bounds, playlist, segment, maxBytes: PROBE_BYTES },
          origin: PROBE_ORIGIN,
          start: isReadable ? startOf(answer.bytes, inspection) : null,
          hasAudio: isReadable && media.audioCodec !== '',
          variables: choice.variables,
        });
  const admitted = [allowOrigin, answer.allowOrigin, ...beside.allowOrigins];
  const facts = factsOf(beside.audioCodec === null ? media : { ...media, audioCodec: beside.audioCodec }, {
    targetDurationSeconds: playlist.targetDurationSeconds,
    windowSegments: playlist.windowSegments,
    corsAllowed: admitted.every((one) => admitsAnyPage(one, PROBE_ORIGIN)),
    declaredBitrateBps: choice?.reference.bandwidthBps ?? null,
    segmentBytes: answer.contentLength,
    segmentSeconds: segment.durationSeconds,
    now: now(),
  });
  const { renditions, leftOut } = beside;
  return {
    facts: {
      ...facts,
      ...(renditions.length === 0 ? {} : { renditions: [...renditions] }),
      ...(leftOut === '' ? {} : { leftOut }),
      ...(choice === null || choice.captions === null ? {} : { captions: [...choice.captions] }),
    },
    sample: sampleOf(segment),
  };
}
