import type { TsPacket } from './packet.ts';
import { COUNTER_MODULUS, NULL_PID } from './packet.ts';

/** What the last packet of one PID said. */
interface Last {
  readonly counter: number;
  readonly hadPayload: boolean;
  /** A packet may be sent twice, not three times. */
  readonly repeated: boolean;
}

/**
 * Follows the continuity counters of a transport stream (ISO/IEC 13818-1, 2.4.3.3): a packet with payload counts on,
 * one without does not, a packet may be sent twice, and discontinuity_indicator permits a jump.
 * Memory: one entry per PID, at most 8192.
 */
export class Continuity {
  readonly #last = new Map<number, Last>();

  /** Whether `packet` follows on from the one before it in its PID; the first of a PID always does. */
  accept(packet: TsPacket): boolean {
    if (packet.pid === NULL_PID) return true;
    const last = this.#last.get(packet.pid);
    const repeats = last?.counter === packet.counter && packet.hasPayload && last.hadPayload;
    this.#last.set(packet.pid, { counter: packet.counter, hadPayload: packet.hasPayload, repeated: repeats });
    if (packet.transportError) return false;
    if (last === undefined || packet.discontinuity) return true;
    if (repeats) return !last.repeated;
    const expected = packet.hasPayload ? (last.counter + 1) % COUNTER_MODULUS : last.counter;
    return packet.counter === expected;
  }
}
