import { NULL_PID } from '@sluice/common/mpegts/packet.ts';
import { crc32Mpeg } from '@sluice/common/mpegts/psi.ts';

/** PIDs of the segments made here, FFmpeg's usual ones. */
const PMT_PID = 0x1000;
const VIDEO_PID = 0x100;
const AUDIO_PID = 0x101;
const PACKET_BYTES = 188;

/** Parameter sets of a real libx264 stream: 1280x720, 25 frames per second, High profile, level 3.1. */
const PARAMETER_SETS = Buffer.from(
  '000000016764001facd9405005bb01100000030010000003032 0f18319600000000168ebecb22c'.replace(' ', ''),
  'hex',
);

/** An ADTS frame's header: AAC-LC, 48 kHz, stereo, 64 bytes in all. */
const ADTS_FRAME = Buffer.concat([Buffer.from('fff14c800801fc', 'hex'), Buffer.alloc(57, 0x21)]);

/** A made segment: what tests choose. */
export interface TestSegment {
  /** PTS of the first frame in seconds. */
  readonly startSeconds: number;
  readonly durationSeconds: number;
  /** False: the first picture is no keyframe. */
  readonly keyframe?: boolean;
}

interface Pes {
  readonly pid: number;
  readonly streamId: number;
  readonly pts: number;
  readonly payload: Uint8Array;
  readonly randomAccess: boolean;
}

function timestamp(pts: number): Buffer {
  const value = BigInt(Math.round(pts)) & 0x1ffffffffn;
  const bytes = Buffer.alloc(5);
  bytes[0] = 0x21 | (Number(value >> 30n) << 1);
  bytes.writeUInt16BE((Number((value >> 15n) & 0x7fffn) << 1) | 1, 1);
  bytes.writeUInt16BE((Number(value & 0x7fffn) << 1) | 1, 3);
  return bytes;
}

function section(tableId: number, body: readonly number[]): Buffer {
  const length = body.length + 4;
  const bytes = Buffer.from([tableId, 0xb0 | (length >> 8), length & 0xff, ...body]);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32Mpeg(bytes));
  return Buffer.concat([bytes, crc]);
}

/** One TS packet; `payload` is at most what fits, the rest is stuffing in the adaptation field. */
function packet(pid: number, counter: number, start: boolean, payload: Uint8Array, randomAccess: boolean): Buffer {
  const room = PACKET_BYTES - 4;
  const stuffing = room - payload.length;
  const header = Buffer.from([
    0x47,
    (start ? 0x40 : 0) | (pid >> 8),
    pid & 0xff,
    (stuffing > 0 ? 0x30 : 0x10) | counter,
  ]);
  if (stuffing === 0) return Buffer.concat([header, payload]);
  const field = Buffer.alloc(stuffing, 0xff);
  field[0] = stuffing - 1;
  if (stuffing > 1) field[1] = randomAccess ? 0x40 : 0;
  return Buffer.concat([header, field, payload]);
}

function tables(): Buffer[] {
  const pat = section(0, [0, 1, 0xc1, 0, 0, 0, 1, 0xe0 | (PMT_PID >> 8), PMT_PID & 0xff]);
  const stream = (type: number, pid: number): number[] => [type, 0xe0 | (pid >> 8), pid & 0xff, 0xf0, 0];
  const pcr = [0xe0 | (VIDEO_PID >> 8), VIDEO_PID & 0xff];
  const streams = [...stream(0x1b, VIDEO_PID), ...stream(0x0f, AUDIO_PID)];
  const pmt = section(2, [0, 1, 0xc1, 0, 0, ...pcr, 0xf0, 0, ...streams]);
  const pointer = Buffer.from([0]);
  return [
    packet(0, 0, true, Buffer.concat([pointer, pat]), false),
    packet(PMT_PID, 0, true, Buffer.concat([pointer, pmt]), false),
  ];
}

function pesPackets(pes: Pes, counters: Map<number, number>): Buffer[] {
  const header = Buffer.from([0, 0, 1, pes.streamId, 0, 0, 0x80, 0x80, 5]);
  const bytes = Buffer.concat([header, timestamp(pes.pts), pes.payload]);
  const result: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    // A first packet with a flag in it needs two bytes of adaptation field.
    const size = Math.min(bytes.length - at, at === 0 ? PACKET_BYTES - 6 : PACKET_BYTES - 4);
    const counter = counters.get(pes.pid) ?? 0;
    counters.set(pes.pid, (counter + 1) & 15);
    result.push(packet(pes.pid, counter, at === 0, bytes.subarray(at, at + size), at === 0 && pes.randomAccess));
    at += size;
  }
  return result;
}

/** Makes a small MPEG-TS segment with H.264 video (25 frames per second) and AAC audio; a few kilobytes a second. */
export function makeSegment(options: TestSegment): Buffer {
  const counters = new Map<number, number>();
  const keyframe = options.keyframe ?? true;
  const result = tables();
  const frames = Math.round(options.durationSeconds * 25);
  for (let frame = 0; frame < frames; frame += 1) {
    const pts = options.startSeconds * 90_000 + frame * 3_600;
    const first = frame === 0 && keyframe;
    const slice = Buffer.from([0, 0, 0, 1, first ? 0x65 : 0x41, 0x88, 0x84, frame & 0xff, 0x80]);
    const payload = frame === 0 ? Buffer.concat([PARAMETER_SETS, slice]) : slice;
    result.push(...pesPackets({ pid: VIDEO_PID, streamId: 0xe0, pts, payload, randomAccess: first }, counters));
    if (frame % 5 === 0) {
      const audio = { pid: AUDIO_PID, streamId: 0xc0, pts, payload: ADTS_FRAME, randomAccess: false };
      result.push(...pesPackets(audio, counters));
    }
  }
  return Buffer.concat(result);
}

/** Fills a segment up to a size with null packets, as encoders of a constant bitrate do; a bigger one stays as it is. */
export function fillSegment(segment: Buffer, bytes: number): Buffer {
  const packets = Math.max(0, Math.ceil((bytes - segment.length) / PACKET_BYTES));
  const header = Buffer.from([0x47, NULL_PID >> 8, NULL_PID & 0xff, 0x10]);
  const filling = Buffer.alloc(packets * PACKET_BYTES, 0xff);
  for (let at = 0; at < filling.length; at += PACKET_BYTES) header.copy(filling, at);
  return packets === 0 ? segment : Buffer.concat([segment, filling]);
}
