import { invalidTs } from './invalid.ts';
import type { TsPacket } from './packet.ts';
import { PAT_PID, readPackets } from './packet.ts';
import type { ElementaryStream, ProgramMap } from './psi.ts';
import { readPat, readPmt, SectionReader, STREAM_TYPE } from './psi.ts';

const VIDEO_TYPES: readonly number[] = [STREAM_TYPE.mpeg2Video, STREAM_TYPE.h264, STREAM_TYPE.hevc];
const AUDIO_TYPES: readonly number[] = [
  STREAM_TYPE.mpeg1Audio,
  STREAM_TYPE.mpeg2Audio,
  STREAM_TYPE.aacAdts,
  STREAM_TYPE.aacLatm,
  STREAM_TYPE.ac3,
  STREAM_TYPE.eac3,
];

/** The program that a transport stream carries. */
export interface Program {
  readonly pmtPid: number;
  readonly pcrPid: number;
  /** The first stream of a known video type. */
  readonly video: ElementaryStream | null;
  /** The first stream of a known audio type. */
  readonly audio: ElementaryStream | null;
}

/** Finds PAT and PMT in a stream that arrives packet by packet. */
export class ProgramFinder {
  readonly #pat = new SectionReader();
  #pmt = new SectionReader();
  #pmtPid: number | null = null;
  #program: Program | null = null;

  /** The program as last read; null before its PMT is complete. */
  get program(): Program | null {
    return this.#program;
  }

  /** PID of the PMT; null before the PAT is complete. */
  get pmtPid(): number | null {
    return this.#pmtPid;
  }

  /**
   * Takes the next packet of the stream; packets of other PIDs are ignored.
   * @throws SluiceError TS_INVALID for a broken PAT or PMT
   */
  push(bytes: Uint8Array, packet: TsPacket): void {
    if (!packet.hasPayload) return;
    if (packet.pid === PAT_PID) {
      const section = this.#pat.push(bytes, packet);
      if (section !== null) this.#usePat(readPat(section));
    } else if (packet.pid === this.#pmtPid) {
      const section = this.#pmt.push(bytes, packet);
      if (section !== null) this.#program = toProgram(packet.pid, readPmt(section));
    }
  }

  #usePat(pmtPid: number): void {
    if (pmtPid === this.#pmtPid) return;
    this.#pmtPid = pmtPid;
    this.#pmt = new SectionReader();
    this.#program = null;
  }
}

function toProgram(pmtPid: number, map: ProgramMap): Program {
  const firstOf = (types: readonly number[]): ElementaryStream | null =>
    map.streams.find((stream) => types.includes(stream.streamType)) ?? null;
  return { pmtPid, pcrPid: map.pcrPid, video: firstOf(VIDEO_TYPES), audio: firstOf(AUDIO_TYPES) };
}

/**
 * The first program of a whole segment.
 * @throws SluiceError TS_INVALID where the bytes hold no complete PAT and PMT
 */
export function findProgram(bytes: Uint8Array): Program {
  const finder = new ProgramFinder();
  for (const packet of readPackets(bytes)) {
    finder.push(bytes, packet);
    if (finder.program !== null) return finder.program;
  }
  throw invalidTs(`${finder.pmtPid === null ? 'PAT' : 'PMT'} is missing: the segment cannot be played on its own`);
}
