import { readAdts } from './adts.ts';
import { Continuity } from './continuity.ts';
import { invalidTs } from './invalid.ts';
import { isKeyframe } from './keyframe.ts';
import { NAL_TYPE, readNalUnits } from './nal.ts';
import { PACKET_BYTES, readPackets } from './packet.ts';
import { findProgram } from './program.ts';
import type { ElementaryStream } from './psi.ts';
import { STREAM_TYPE } from './psi.ts';
import type { SequenceParameters } from './sps.ts';
import { readSps } from './sps.ts';
import { Track } from './track.ts';

/** What one MPEG-TS segment holds. */
export interface SegmentInspection {
  /** The first video stream that has a frame; null where there is none. */
  readonly video: {
    readonly pid: number;
    /** stream_type of the PMT: 0x1b H.264, 0x24 HEVC. */
    readonly streamType: number;
    /** RFC 6381, e.g. `avc1.64001f`; empty where it is not H.264 or has no parameter set. */
    readonly codec: string;
    /** Pixels after cropping; 0 where `codec` is empty. */
    readonly width: number;
    readonly height: number;
    /** Frames per 1000 s, from the VUI, else the mean over the segment; 0 where neither tells. */
    readonly frameRateMilli: number;
    /** 90 kHz, 33 bit. */
    readonly firstPts: number;
    readonly firstDts: number;
    /** PES packets with a timestamp: one frame each. */
    readonly frames: number;
    /** See {@link isKeyframe}. */
    readonly startsWithKeyframe: boolean;
  } | null;
  /** The first audio stream that has a frame; null where there is none. */
  readonly audio: {
    readonly pid: number;
    /** stream_type of the PMT: 0x0f AAC in ADTS. */
    readonly streamType: number;
    /** RFC 6381, e.g. `mp4a.40.2`; empty where it is not AAC in ADTS. */
    readonly codec: string;
    /** 90 kHz, 33 bit. */
    readonly firstPts: number;
    /** 0 where `codec` is empty. */
    readonly sampleRateHz: number;
    readonly channels: number;
  } | null;
  readonly pmtPid: number;
  /** Packets that do not follow on from the one before in their PID: something is lost or doubled. */
  readonly continuityErrors: number;
  readonly packets: number;
}

/**
 * Walks one segment once and says what it holds; about 1 ms per megabyte.
 * @throws SluiceError TS_INVALID (not retryable) where the bytes are no transport stream, end inside a packet,
 *   have no PAT and PMT, are scrambled, or carry a broken table, PES header or parameter set
 */
export function inspectSegment(bytes: Uint8Array): SegmentInspection {
  if (bytes.length === 0) throw invalidTs('the segment is empty');
  const program = findProgram(bytes);
  const continuity = new Continuity();
  const video = new Track();
  const audio = new Track();
  let continuityErrors = 0;
  for (const packet of readPackets(bytes)) {
    if (!continuity.accept(packet)) continuityErrors++;
    const track = packet.pid === program.video?.pid ? video : packet.pid === program.audio?.pid ? audio : null;
    if (track === null) continue;
    if (packet.scrambled) throw invalidTs(`PID ${packet.pid} is scrambled`);
    track.push(bytes, packet);
  }
  return {
    video: describeVideo(program.video, video),
    audio: describeAudio(program.audio, audio),
    pmtPid: program.pmtPid,
    continuityErrors,
    packets: bytes.length / PACKET_BYTES,
  };
}

function describeVideo(stream: ElementaryStream | null, track: Track): SegmentInspection['video'] {
  if (stream === null || track.first === null) return null;
  const parameters = stream.streamType === STREAM_TYPE.h264 ? findParameters(track.firstFrame) : null;
  return {
    ...stream,
    codec: parameters?.codec ?? '',
    width: parameters?.width ?? 0,
    height: parameters?.height ?? 0,
    frameRateMilli: parameters?.frameRateMilli ?? track.frameRateMilli ?? 0,
    firstPts: track.first.pts,
    firstDts: track.first.dts,
    frames: track.frames,
    startsWithKeyframe: isKeyframe(stream.streamType, track.first.randomAccess, track.firstFrame),
  };
}

function findParameters(picture: Uint8Array): SequenceParameters | null {
  for (const unit of readNalUnits(picture)) {
    if (unit.type === NAL_TYPE.sps) return readSps(unit.bytes);
  }
  return null;
}

function describeAudio(stream: ElementaryStream | null, track: Track): SegmentInspection['audio'] {
  if (stream === null || track.first === null) return null;
  const header = stream.streamType === STREAM_TYPE.aacAdts ? readAdts(track.firstFrame) : null;
  return {
    ...stream,
    codec: header?.codec ?? '',
    firstPts: track.first.pts,
    sampleRateHz: header?.sampleRateHz ?? 0,
    channels: header?.channels ?? 0,
  };
}
