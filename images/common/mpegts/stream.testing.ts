import { COUNTER_MODULUS, PACKET_BYTES, PAT_PID, SYNC_BYTE } from './packet.ts';
import type { ElementaryStream } from './psi.ts';
import { crc32Mpeg, STREAM_TYPE } from './psi.ts';

/** PIDs as FFmpeg chooses them. */
export const TEST_PIDS = { pmt: 0x1000, video: 0x100, audio: 0x101 } as const;

/** H.264 video and AAC audio, as most sources have. */
export const TEST_STREAMS: readonly ElementaryStream[] = [
  { pid: TEST_PIDS.video, streamType: STREAM_TYPE.h264 },
  { pid: TEST_PIDS.audio, streamType: STREAM_TYPE.aacAdts },
];

/** One PES packet to write. */
export interface TestFrame {
  readonly pid: number;
  readonly pts: number;
  /** Left out: only the PTS is sent. */
  readonly dts?: number;
  readonly payload: Uint8Array;
  readonly randomAccess?: boolean;
}

/** Writes transport streams for tests: tables and PES packets, with continuity counters that go on from call to call. */
export class StreamWriter {
  readonly #counters = new Map<number, number>();

  /** PAT and PMT, one packet each. */
  tables(streams: readonly ElementaryStream[] = TEST_STREAMS): Uint8Array {
    const pat = section(0, [0, 1, 0xe0 | (TEST_PIDS.pmt >> 8), TEST_PIDS.pmt & 0xff]);
    const entries = streams.flatMap(({ pid, streamType }) => [streamType, 0xe0 | (pid >> 8), pid & 0xff, 0xf0, 0]);
    const pcrPid = streams[0]?.pid ?? 0x1fff;
    const pmt = section(2, [0xe0 | (pcrPid >> 8), pcrPid & 0xff, 0xf0, 0, ...entries]);
    return Buffer.concat([this.packets(PAT_PID, pat, false), this.packets(TEST_PIDS.pmt, pmt, false)]);
  }

  /** One frame as a PES packet. */
  frame(frame: TestFrame): Uint8Array {
    const dts = frame.dts === undefined ? [] : timestamp(1, frame.dts);
    const header = [...timestamp(dts.length > 0 ? 3 : 2, frame.pts), ...dts];
    const streamId = frame.pid === TEST_PIDS.audio ? 0xc0 : 0xe0;
    const start = [0, 0, 1, streamId, 0, 0, 0x80, dts.length > 0 ? 0xc0 : 0x80, header.length, ...header];
    return this.packets(frame.pid, Buffer.concat([Buffer.from(start), frame.payload]), frame.randomAccess ?? false);
  }

  /** A unit cut into packets, the last one filled up by its adaptation field. */
  packets(pid: number, unit: Uint8Array, randomAccess: boolean): Uint8Array {
    const out: Uint8Array[] = [];
    for (let offset = 0; offset < unit.length; ) {
      const adaptation = offset === 0 && randomAccess ? [0x40] : [];
      const room = PACKET_BYTES - 4 - (adaptation.length > 0 ? 2 : 0);
      const part = unit.subarray(offset, offset + room);
      out.push(this.#packet(pid, part, offset === 0, adaptation));
      offset += part.length;
    }
    return Buffer.concat(out);
  }

  #packet(pid: number, part: Uint8Array, unitStart: boolean, flags: readonly number[]): Uint8Array {
    const counter = this.#counters.get(pid) ?? 0;
    this.#counters.set(pid, (counter + 1) % COUNTER_MODULUS);
    const packet = new Uint8Array(PACKET_BYTES).fill(0xff);
    const fill = PACKET_BYTES - 4 - part.length;
    packet.set([SYNC_BYTE, (unitStart ? 0x40 : 0) | (pid >> 8), pid & 0xff, (fill > 0 ? 0x30 : 0x10) | counter]);
    if (fill > 0) packet.set([fill - 1, ...(fill > 1 ? [flags[0] ?? 0] : [])], 4);
    packet.set(part, PACKET_BYTES - part.length);
    return packet;
  }
}

/** A section with its CRC, behind the pointer field. */
function section(tableId: number, body: readonly number[]): Uint8Array {
  const length = 5 + body.length + 4;
  const bytes = Uint8Array.from([tableId, 0xb0 | (length >> 8), length & 0xff, 0, 1, 0xc1, 0, 0, ...body]);
  const crc = crc32Mpeg(bytes);
  return Uint8Array.from([0, ...bytes, crc >>> 24, (crc >> 16) & 0xff, (crc >> 8) & 0xff, crc & 0xff]);
}

function timestamp(prefix: number, value: number): readonly number[] {
  const high = Math.floor(value / 2 ** 30) & 7;
  const middle = Math.floor(value / 2 ** 15) & 0x7fff;
  const low = value % 2 ** 15;
  return [(prefix << 4) | (high << 1) | 1, middle >> 7, ((middle & 0x7f) << 1) | 1, low >> 7, ((low & 0x7f) << 1) | 1];
}

/** An IDR picture and a non-IDR one, each one NAL unit of `bytes` bytes. */
export function picture(type: 'idr' | 'slice', bytes = 200): Uint8Array {
  return Buffer.concat([Buffer.from([0, 0, 0, 1, type === 'idr' ? 0x65 : 0x41]), Buffer.alloc(bytes, 0x80)]);
}

/** An AAC-LC frame in ADTS: 48 kHz, stereo. */
export function adtsFrame(bytes = 100): Uint8Array {
  const length = bytes + 7;
  const header = [0xff, 0xf1, 0x4c, 0x80 | (length >> 11), (length >> 3) & 0xff, ((length & 7) << 5) | 0x1f, 0xfc];
  return Buffer.concat([Buffer.from(header), Buffer.alloc(bytes, 0x55)]);
}
