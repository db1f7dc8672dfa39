import { SluiceError } from '@sluice/common/errors/error.ts';
import { invalidMp4 } from '@sluice/common/mp4/box.ts';
import { type InitInspection, inspectInit } from '@sluice/common/mp4/init.ts';
import { readSamples } from '@sluice/common/mp4/samples.ts';
import { MAX_SEGMENT_BYTES } from '@sluice/common/work/contract.ts';
import type { CutSegment, Splitter } from '../container/container.ts';
import { assemble, faultOf, type Picture } from './assemble.ts';
import { BoxStream, type StreamedBox } from './box-stream.ts';
import { type FragmentPlan, timesOf } from './plan.ts';
import { startsAt } from './timing.ts';

/** FFmpeg's own initialization section. */
interface Encoded {
  readonly bytes: Uint8Array;
  readonly inspection: InitInspection;
}

interface Open {
  readonly msn: number;
  readonly plan: FragmentPlan;
  readonly pictures: Picture[];
  bytes: number;
}

/**
 * Deals the pictures that FFmpeg has encoded for one rung out to the source's segments, by the times at which they are
 * shown, and writes each segment with the source's other tracks as soon as it has as many pictures as the source's, or the
 * next one has begun. Memory: the pictures of the segments that are announced and not complete.
 */
export class FragmentSplitter implements Splitter<FragmentPlan> {
  readonly #base: bigint;
  readonly #emit: (segment: CutSegment) => void;
  readonly #mostBytes: number;
  readonly #boxes = new BoxStream();
  readonly #open: Open[] = [];
  #encoded: Encoded | null = null;
  #fragment: Uint8Array | null = null;

  /**
   * @param base the source's time that is 0 in FFmpeg's output
   * @param mostBytes of a segment as it is handed over
   */
  constructor(base: bigint, emit: (segment: CutSegment) => void, mostBytes: number = MAX_SEGMENT_BYTES) {
    this.#base = base;
    this.#emit = emit;
    this.#mostBytes = mostBytes;
  }

  expect(msn: number, plan: FragmentPlan): void {
    this.#open.push({ msn, plan, pictures: [], bytes: 0 });
  }

  push(chunk: Uint8Array): void {
    for (const box of this.#boxes.push(chunk)) this.#take(box);
  }

  end(): void {
    while ((this.#open[0]?.pictures.length ?? 0) > 0) this.#complete();
  }

  #take({ type, bytes }: StreamedBox): void {
    if (type === 'moov') this.#encoded = { bytes, inspection: inspectInit(bytes) };
    if (type === 'moof') this.#fragment = bytes;
    if (type !== 'mdat') return;
    if (this.#encoded === null || this.#fragment === null) throw invalidMp4('media came before what describes it');
    const fragment = Buffer.concat([this.#fragment, bytes]);
    this.#fragment = null;
    for (const { decodeTime, samples } of readSamples(fragment, this.#encoded.inspection).tracks) {
      const times = timesOf(samples);
      samples.forEach((sample, index) => {
        this.#deal({ sample, time: this.#base + decodeTime + BigInt(times[index] ?? 0) });
      });
    }
  }

  #deal(picture: Picture): void {
    for (let next = this.#open[1]; next !== undefined && picture.time >= startsAt(next.plan); next = this.#open[1]) {
      this.#complete();
    }
    const [open] = this.#open;
    if (open === undefined) throw invalidMp4('a picture came out before any segment was announced');
    open.pictures.push(picture);
    open.bytes += picture.sample.bytes.length;
    if (open.bytes > this.#mostBytes) {
      throw new SluiceError(`a segment grew beyond ${this.#mostBytes} bytes: lower the rung's bitrateBps`, {
        code: 'SEGMENT_TOO_LARGE',
        retryable: false,
      });
    }
    if (open.pictures.length === open.plan.times.length) this.#complete();
  }

  #complete(): void {
    const open = this.#open.shift();
    if (open === undefined || this.#encoded === null) return;
    const { msn, plan, pictures } = open;
    const fault = faultOf(plan, pictures);
    const bytes = fault === null ? assemble(plan, pictures, this.#encoded.bytes) : new Uint8Array(0);
    const isTooLarge = bytes.length > this.#mostBytes;
    // Its pictures alone are not: what the source has beside them is what another bitrate would not help.
    const tooLarge = `${bytes.length} bytes with the source's audio and events, the owner takes ${this.#mostBytes}`;
    this.#emit({ msn, fault: isTooLarge ? tooLarge : fault, bytes: isTooLarge ? new Uint8Array(0) : bytes });
  }
}
