import type { TsPacket } from './packet.ts';
import { MAX_PES_HEADER_BYTES, readPesHeader } from './pes.ts';
import { ticksBetween } from './timestamp.ts';

/**
 * How much of a track's first frame is kept: parameter sets, SEI and the first slice's header come within it.
 * Encoders that put their settings into an SEI need about 1 kB.
 */
const FIRST_FRAME_BYTES = 32_768;

/** The PES packets of one PID of a segment, summed up. Memory: one bounded prefix, whatever the segment's size. */
export class Track {
  #head = new Uint8Array(0);
  #state: 'waiting' | 'header' | 'firstFrame' | 'frame' = 'waiting';
  #first: { pts: number; dts: number; randomAccess: boolean } | null = null;
  #randomAccess = false;
  #lastDts = 0;
  #frames = 0;
  #firstFrame = new Uint8Array(0);

  /** Timestamps (90 kHz) of the first frame that has them; null where there is none. */
  get first(): { readonly pts: number; readonly dts: number; readonly randomAccess: boolean } | null {
    return this.#first;
  }

  /** PES packets with a timestamp: muxers write one frame of video into each. */
  get frames(): number {
    return this.#frames;
  }

  /** Start of the first frame's elementary stream. */
  get firstFrame(): Uint8Array {
    return this.#firstFrame;
  }

  /** Mean frames per 1000 seconds by the decoding times; null with fewer than two frames. */
  get frameRateMilli(): number | null {
    const span = this.#first === null ? 0 : ticksBetween(this.#first.dts, this.#lastDts);
    return span > 0 ? Math.round(((this.#frames - 1) * 90_000_000) / span) : null;
  }

  /**
   * Takes the next packet of the PID.
   * @throws SluiceError TS_INVALID for a broken PES header
   */
  push(bytes: Uint8Array, packet: TsPacket): void {
    if (!packet.hasPayload) return;
    if (packet.unitStart) {
      this.#state = 'header';
      this.#head = new Uint8Array(0);
      this.#randomAccess = packet.randomAccess;
    }
    const payload = bytes.subarray(packet.payload, packet.end);
    if (this.#state === 'header') this.#readHeader(payload);
    else if (this.#state === 'firstFrame') this.#keep(payload);
  }

  #readHeader(payload: Uint8Array): void {
    this.#head = this.#head.length === 0 ? new Uint8Array(payload) : joinBytes(this.#head, payload);
    const header = readPesHeader(this.#head);
    if (header === null) {
      if (this.#head.length > MAX_PES_HEADER_BYTES) this.#state = 'waiting';
      return;
    }
    this.#state = 'frame';
    if (header.pts === null || header.dts === null) return;
    this.#frames++;
    this.#lastDts = header.dts;
    if (this.#first !== null) return;
    this.#first = { pts: header.pts, dts: header.dts, randomAccess: this.#randomAccess };
    this.#state = 'firstFrame';
    this.#keep(this.#head.subarray(header.headerBytes));
  }

  #keep(payload: Uint8Array): void {
    this.#firstFrame = joinBytes(this.#firstFrame, payload.subarray(0, FIRST_FRAME_BYTES - this.#firstFrame.length));
    if (this.#firstFrame.length >= FIRST_FRAME_BYTES) this.#state = 'frame';
  }
}

function joinBytes(left: Uint8Array, right: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}
