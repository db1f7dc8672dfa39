import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readSps } from './sps.ts';

/** Writes bits, the most significant first, as an encoder does. */
class BitWriter {
  readonly #bits: number[] = [];

  bits(count: number, value: number): this {
    for (let bit = count - 1; bit >= 0; bit--) this.#bits.push(Math.floor(value / 2 ** bit) % 2);
    return this;
  }

  unsigned(value: number): this {
    const length = Math.floor(Math.log2(value + 1));
    return this.bits(length, 0).bits(length + 1, value + 1);
  }

  /** NAL unit with header, stop bit and emulation prevention. */
  unit(header: readonly number[]): Uint8Array {
    const bits = [...this.#bits, 1];
    const out = [...header];
    for (let at = 0; at < bits.length; at += 8) {
      const byte = bits.slice(at, at + 8).reduce((sum, bit, index) => sum | (bit << (7 - index)), 0);
      if (out.at(-1) === 0 && out.at(-2) === 0 && byte <= 3) out.push(3);
      out.push(byte);
    }
    return Uint8Array.from(out);
  }
}

interface Parameters {
  readonly widthMacroblocks: number;
  readonly heightMapUnits: number;
  readonly progressive: boolean;
  readonly cropRight: number;
  readonly cropBottom: number;
  readonly timing: { readonly ticks: number; readonly scale: number } | null;
}

function writeSps(profile: number, { timing, ...picture }: Parameters): Uint8Array {
  const writer = new BitWriter().unsigned(0);
  if (profile === 100) writer.unsigned(1).unsigned(0).unsigned(0).bits(2, 0);
  writer.unsigned(0).unsigned(2).unsigned(4).bits(1, 0);
  writer.unsigned(picture.widthMacroblocks - 1).unsigned(picture.heightMapUnits - 1);
  if (picture.progressive) writer.bits(1, 1);
  else writer.bits(2, 0);
  writer.bits(1, 1).bits(1, 1).unsigned(0).unsigned(picture.cropRight).unsigned(0).unsigned(picture.cropBottom);
  writer.bits(1, 1).bits(1, 1).bits(8, 255).bits(16, 1).bits(16, 1).bits(1, 0);
  writer.bits(1, 1).bits(4, 10).bits(1, 1).bits(24, 0x010101).bits(1, 0);
  writer.bits(1, timing === null ? 0 : 1);
  if (timing !== null) writer.bits(32, timing.ticks).bits(32, timing.scale).bits(1, 1);
  return writer.unit([0x67, profile, 0, 31]);
}

const parameters: fc.Arbitrary<Parameters> = fc.record({
  widthMacroblocks: fc.integer({ min: 2, max: 512 }),
  heightMapUnits: fc.integer({ min: 2, max: 256 }),
  progressive: fc.boolean(),
  cropRight: fc.integer({ min: 0, max: 7 }),
  cropBottom: fc.integer({ min: 0, max: 3 }),
  timing: fc.option(
    fc.record({ ticks: fc.integer({ min: 1, max: 0xffffffff }), scale: fc.integer({ min: 1, max: 0xffffffff }) }),
  ),
});

describe('readSps', () => {
  test.each([
    ['6764001eacd940a02ff97011000003000100000300320f162d96', 'avc1.64001e', 640, 360],
    ['67640015acd941b1fe4f011000000300100000030320f162d960', 'avc1.640015', 426, 240],
    ['67640028acd940780227e5c044000003000400000300c83c60c658', 'avc1.640028', 1920, 1080],
  ])('reads what libx264 writes: %s', (hex, codec, width, height) => {
    expect(readSps(Buffer.from(hex, 'hex'))).toEqual({ codec, width, height, frameRateMilli: 25_000 });
  });

  test('reads every size, cropping and frame rate', () => {
    fc.assert(
      fc.property(fc.constantFrom(66, 100), parameters, (profile, picture) => {
        const fieldFactor = picture.progressive ? 1 : 2;
        const { timing } = picture;
        expect(readSps(writeSps(profile, picture))).toEqual({
          codec: `avc1.${profile.toString(16)}001f`,
          width: picture.widthMacroblocks * 16 - 2 * picture.cropRight,
          height: (picture.heightMapUnits * 16 - 2 * picture.cropBottom) * fieldFactor,
          frameRateMilli: timing === null ? null : Math.round((timing.scale * 1000) / (2 * timing.ticks)),
        });
      }),
    );
  });

  test('a cut or random parameter set is refused, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          readSps(Uint8Array.from([0x67, 100, 0, 31, ...bytes]));
        } catch (error) {
          expect(error).toMatchObject({ code: 'TS_INVALID' });
        }
      }),
    );
  });
});
