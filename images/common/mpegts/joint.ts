import { COUNTER_MODULUS, NULL_PID, PACKET_BYTES, readPackets, SYNC_BYTE } from './packet.ts';

/** adaptation_field_control `10`: an adaptation field and no payload. */
const ADAPTATION_ONLY = 0x20;
/** adaptation_field_length of a packet that holds nothing else. */
const FULL_ADAPTATION_BYTES = PACKET_BYTES - 5;
const DISCONTINUITY_INDICATOR = 0x80;
/** The counter in front of a PID's first payload where that one is 0. */
const COUNTER_BEFORE_ZERO = COUNTER_MODULUS - 1;

/**
 * The packets that go in front of the first segment after a change of origin: one per PID, without payload, with
 * discontinuity_indicator (ISO/IEC 13818-1, 2.4.3.5), so that demuxers do not take the jump of the continuity
 * counters for loss. The counter of such a packet must be one below the next packet's, else the loss is only moved.
 * @param pids in the order wanted; PID 0 first lets players find the PAT within their first packets
 * @param before counter per PID that the following payload continues; left out: that payload has counter 0.
 *   {@link withJoint} reads both from the segment
 */
export function jointPackets(pids: readonly number[], before: ReadonlyMap<number, number> = new Map()): Uint8Array {
  const joint = new Uint8Array(pids.length * PACKET_BYTES).fill(0xff);
  pids.forEach((pid, index) => {
    const counter = before.get(pid) ?? COUNTER_BEFORE_ZERO;
    joint.set(
      [SYNC_BYTE, pid >> 8, pid & 0xff, ADAPTATION_ONLY | counter, FULL_ADAPTATION_BYTES, DISCONTINUITY_INDICATOR],
      index * PACKET_BYTES,
    );
  });
  return joint;
}

/**
 * The segment with its joint packets in front, ready to follow a segment of another origin.
 * @throws SluiceError TS_INVALID where the bytes are no transport stream
 */
export function withJoint(segment: Uint8Array): Uint8Array {
  const before = new Map<number, number>();
  for (const packet of readPackets(segment)) {
    if (packet.pid === NULL_PID || before.has(packet.pid)) continue;
    const counter = packet.hasPayload ? packet.counter + COUNTER_BEFORE_ZERO : packet.counter;
    before.set(packet.pid, counter % COUNTER_MODULUS);
  }
  const pids = [...before.keys()].sort((left, right) => left - right);
  const joint = jointPackets(pids, before);
  const joined = new Uint8Array(joint.length + segment.length);
  joined.set(joint);
  joined.set(segment, joint.length);
  return joined;
}
