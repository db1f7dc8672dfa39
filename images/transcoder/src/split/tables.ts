import type { TsPacket } from '@sluice/common/mpegts/packet.ts';
import { COUNTER_MODULUS, PACKET_BYTES, PAT_PID } from '@sluice/common/mpegts/packet.ts';

/** Most packets of one table that are kept: a section of 1024 bytes takes six. */
const MAX_TABLE_PACKETS = 6;

/** The packets of one table as last received, and the counter with which they are written again. */
interface Table {
  readonly packets: Uint8Array[];
  counter: number;
}

/** Keeps the packets of PAT and PMT and repeats them at each segment's start with counters of their own. */
export class Tables {
  readonly #tables = new Map<number, Table>();

  /** Keeps a packet of PAT or PMT. */
  keep(bytes: Uint8Array, packet: TsPacket): void {
    const table = this.#tables.get(packet.pid) ?? { packets: [], counter: 0 };
    this.#tables.set(packet.pid, table);
    if (packet.unitStart) table.packets.length = 0;
    if (table.packets.length < MAX_TABLE_PACKETS) {
      table.packets.push(bytes.slice(packet.end - PACKET_BYTES, packet.end));
    }
  }

  /** The packets for the start of the next segment: PAT, then PMT. */
  repeat(pmtPid: number): Uint8Array[] {
    return [PAT_PID, pmtPid].flatMap((pid) => {
      const table = this.#tables.get(pid);
      return table === undefined ? [] : table.packets.map((packet) => renumber(packet, table));
    });
  }
}

function renumber(packet: Uint8Array, table: Table): Uint8Array {
  const copy = packet.slice();
  copy[3] = ((copy[3] ?? 0) & 0xf0) | table.counter;
  table.counter = (table.counter + 1) % COUNTER_MODULUS;
  return copy;
}
