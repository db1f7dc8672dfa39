import { invalidTs } from '@sluice/common/mpegts/invalid.ts';
import type { TsPacket } from '@sluice/common/mpegts/packet.ts';
import { PACKET_BYTES, PAT_PID, readPacket } from '@sluice/common/mpegts/packet.ts';
import { readPesHeader } from '@sluice/common/mpegts/pes.ts';
import { ProgramFinder } from '@sluice/common/mpegts/program.ts';
import { MAX_SEGMENT_BYTES } from '@sluice/common/work/contract.ts';
import type { Boundary, TrackKind } from './boundary.ts';
import { reaches } from './boundary.ts';
import { SegmentBuffer } from './segment-buffer.ts';
import { Tables } from './tables.ts';

/**
 * A segment counts as complete, even if one track has not passed its end, as soon as the other is this many
 * boundaries further: tracks of a transport stream lie less than a second apart, so the late one has ended.
 */
const MOST_OPEN_SEGMENTS = 2;

/** One segment of a rung, cut where the source's segment of the same number begins and ends. */
export interface SplitSegment {
  readonly boundary: Boundary;
  readonly bytes: Uint8Array;
}

interface Track {
  readonly kind: TrackKind;
  /** Boundaries passed since the start: the segment that takes the track's next packet. */
  position: number;
}

/**
 * Cuts one continuous transport stream into segments at boundaries that are announced beforehand. PES packets are
 * dealt out whole, by PTS, each track by its own boundary, in the order of the stream; PAT and PMT stand at each
 * segment's start, other PIDs are left out. The stream is FFmpeg's: each PES header lies in its first packet.
 * Memory: the open segments, at most {@link MOST_OPEN_SEGMENTS} with media in them.
 */
export class Splitter {
  readonly #emit: (segment: SplitSegment) => void;
  readonly #finder = new ProgramFinder();
  readonly #tables = new Tables();
  readonly #open: { readonly boundary: Boundary; readonly buffer: SegmentBuffer }[] = [];
  readonly #tracks = new Map<number, Track>();
  #completed = 0;
  #rest: Uint8Array = new Uint8Array(0);

  /** @param emit takes each segment as soon as it is complete */
  constructor(emit: (segment: SplitSegment) => void) {
    this.#emit = emit;
  }

  /** Announces the next segment, before its media is pushed. Boundaries come in the order of time. */
  expect(boundary: Boundary): void {
    this.#open.push({ boundary, buffer: new SegmentBuffer(MAX_SEGMENT_BYTES) });
  }

  /**
   * Takes the next bytes of the stream, cut anywhere.
   * @throws SluiceError TS_INVALID where this is no transport stream, SEGMENT_TOO_LARGE
   */
  push(chunk: Uint8Array): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let offset = 0;
    for (; offset + PACKET_BYTES <= bytes.length; offset += PACKET_BYTES) this.#take(bytes, readPacket(bytes, offset));
    this.#rest = bytes.slice(offset);
  }

  /** The stream has ended properly: everything that is open and has media is complete. */
  end(): void {
    while (this.#open[0] !== undefined && this.#open[0].buffer.length > 0) this.#complete();
  }

  #take(bytes: Uint8Array, packet: TsPacket): void {
    if (packet.pid === PAT_PID || packet.pid === this.#finder.pmtPid) {
      this.#tables.keep(bytes, packet);
      this.#finder.push(bytes, packet);
      return;
    }
    const track = this.#trackOf(packet.pid);
    if (track === null) return;
    if (packet.unitStart) this.#advance(track, bytes, packet);
    this.#append(Math.max(track.position, this.#completed), bytes.subarray(packet.end - PACKET_BYTES, packet.end));
  }

  #trackOf(pid: number): Track | null {
    const known = this.#tracks.get(pid);
    if (known !== undefined) return known;
    const program = this.#finder.program;
    const kind = pid === program?.video?.pid ? 'video' : pid === program?.audio?.pid ? 'audio' : null;
    if (program === null || kind === null) return null;
    const add = (at: number, of: TrackKind): void => void this.#tracks.set(at, { kind: of, position: 0 });
    if (program.video !== null) add(program.video.pid, 'video');
    if (program.audio !== null) add(program.audio.pid, 'audio');
    return this.#tracks.get(pid) ?? null;
  }

  #advance(track: Track, bytes: Uint8Array, packet: TsPacket): void {
    const header = readPesHeader(bytes.subarray(packet.payload, packet.end));
    if (header === null) throw invalidTs(`PES header of PID ${packet.pid} does not fit into its first packet`);
    if (header.pts === null) return;
    let next = this.#segment(track.position + 1);
    while (next !== undefined && reaches(next.boundary, track.kind, header.pts)) {
      track.position++;
      next = this.#segment(track.position + 1);
    }
    this.#completeReady();
  }

  #segment(position: number): { readonly boundary: Boundary; readonly buffer: SegmentBuffer } | undefined {
    return this.#open[position - this.#completed];
  }

  #append(position: number, packet: Uint8Array): void {
    const buffer = this.#segment(position)?.buffer;
    if (buffer === undefined) throw invalidTs('media came out before any segment was announced');
    if (buffer.length === 0) {
      for (const table of this.#tables.repeat(this.#finder.pmtPid ?? PAT_PID)) buffer.append(table);
    }
    buffer.append(packet);
  }

  #completeReady(): void {
    const positions = [...this.#tracks.values()].map((track) => track.position);
    const slowest = Math.min(...positions);
    const ready = Math.max(slowest, Math.max(...positions) - MOST_OPEN_SEGMENTS + 1);
    while (this.#completed < ready) this.#complete();
  }

  #complete(): void {
    const segment = this.#open.shift();
    if (segment === undefined) return;
    this.#completed++;
    this.#emit({ boundary: segment.boundary, bytes: segment.buffer.view() });
  }
}
