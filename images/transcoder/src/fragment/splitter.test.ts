import { describe, expect, test } from '@jest/globals';
import { inspectInit } from '@sluice/common/mp4/init.ts';
import { readSamples } from '@sluice/common/mp4/samples.ts';
import { readInit } from '@sluice/common/mp4/section.ts';
import fc from 'fast-check';
import type { CutSegment } from '../container/container.ts';
import { type FragmentPlan, timesOf } from './plan.ts';
import {
  AUDIO_TICKS,
  ENCODED_ALIKE,
  ENCODED_INIT,
  encodedPicture,
  PARAMETER_SETS_IN_SAMPLE,
  TEST_SECTION,
  type TestSegment,
  testPlan,
  VIDEO_TICKS,
} from './source.testing.ts';
import { FragmentSplitter } from './splitter.ts';
import { baseOf } from './timing.ts';

interface Film {
  readonly start: bigint;
  readonly delay: number;
  readonly counts: readonly number[];
  readonly audioFrames: number;
}

function planned({ start, delay, counts, audioFrames }: Film): readonly FragmentPlan[] {
  let decodeTime = start;
  return counts.map((pictures, index) => {
    const audioTime = start + BigInt(index * audioFrames * AUDIO_TICKS);
    const segment: TestSegment = { decodeTime, audioTime, pictures, audioFrames, delay };
    decodeTime += BigInt(pictures * VIDEO_TICKS);
    return testPlan(index, segment);
  });
}

/** What FFmpeg makes of these segments: each picture at its time, in the order in which they are shown. */
function encoded(plans: readonly FragmentPlan[]): Buffer {
  const [first] = plans;
  const base = first === undefined ? 0n : baseOf(first);
  const pictures = plans.flatMap(({ picture, times }) =>
    times.map((time, index) => encodedPicture(picture.decodeTime - base + BigInt(time), index === 0, index)),
  );
  return Buffer.concat([ENCODED_INIT, ...pictures]);
}

function cut(
  plans: readonly FragmentPlan[],
  output: Uint8Array,
  pieces: readonly number[] = [output.length],
  mostBytes?: number,
) {
  const segments: CutSegment[] = [];
  const [first] = plans;
  const base = first === undefined ? 0n : baseOf(first);
  const splitter = new FragmentSplitter(base, (segment) => segments.push(segment), mostBytes);
  plans.forEach((plan, msn) => {
    splitter.expect(msn, plan);
  });
  for (let at = 0, piece = 0; at < output.length; piece += 1) {
    const length = pieces[piece % pieces.length] ?? output.length;
    splitter.push(output.subarray(at, at + length));
    at += length;
  }
  return { segments, splitter };
}

/** A rung's segment in the terms of its source's. */
function rungOf(bytes: Uint8Array) {
  const { init, media } = readInit(bytes);
  const { tracks } = readSamples(media, inspectInit(init));
  const [picture, ...others] = tracks;
  return {
    init: inspectInit(init),
    decodeTime: picture?.decodeTime,
    times: timesOf(picture?.samples ?? []),
    durationTicks: picture?.samples.reduce((sum, { duration }) => sum + duration, 0),
    others: others.map((track) => ({
      ...track,
      samples: track.samples.map((one) => ({ ...one, bytes: [...one.bytes] })),
    })),
  };
}

const films: fc.Arbitrary<Film> = fc.record({
  start: fc.oneof(fc.constant(0n), fc.bigInt(0n, 2n ** 62n)),
  delay: fc.integer({ min: -2, max: 3 }).map((frames) => frames * VIDEO_TICKS),
  counts: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
  audioFrames: fc.nat(6),
});
const PLAIN: Film = { start: 9_000n, delay: 1024, counts: [5, 5], audioFrames: 4 };

describe('the splitter of fragmented MP4', () => {
  test("gives each segment the source's times, decode times and duration, and its audio sample by sample", () => {
    fc.assert(
      fc.property(films, fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 }), (film, pieces) => {
        const plans = planned(film);
        const { segments } = cut(plans, encoded(plans), pieces);
        expect(segments.map(({ msn, fault }) => [msn, fault])).toEqual(plans.map((_, msn) => [msn, null]));
        segments.forEach(({ bytes }, index) => {
          const plan = plans[index];
          const rung = rungOf(bytes);
          expect(rung.init).toMatchObject({ video: { id: 1, width: 426 }, audio: TEST_SECTION.inspection.audio });
          expect(rung).toMatchObject({
            decodeTime: plan?.picture.decodeTime,
            times: plan?.times,
            durationTicks: plan?.durationTicks,
            others: plan?.tracks.slice(1).map((track) => ({
              ...track,
              samples: track.samples.map((one) => ({ ...one, bytes: [...one.bytes] })),
            })),
          });
        });
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    { where: 'in front of the keyframe', init: ENCODED_INIT, place: 0 },
    { where: 'behind the last picture where they have the numbers of the rung', init: ENCODED_ALIKE, place: 4 },
  ])("the source's parameter sets stand in each segment $where", ({ init, place }) => {
    const plans = planned(PLAIN);
    const { segments } = cut(plans, Buffer.concat([init, encoded(plans).subarray(ENCODED_INIT.length)]));
    for (const { bytes } of segments) {
      const rung = readInit(bytes);
      const [picture] = readSamples(rung.media, inspectInit(rung.init)).tracks;
      const sets = String(PARAMETER_SETS_IN_SAMPLE);
      const { length } = PARAMETER_SETS_IN_SAMPLE;
      const has = picture?.samples.map(({ bytes: one }) =>
        [one.subarray(0, length), one.subarray(-length)].some((part) => String([...part]) === sets),
      );
      expect(has).toEqual([0, 1, 2, 3, 4].map((index) => index === place));
    }
  });

  test('a segment is complete with its last picture: nothing has to follow', () => {
    const plans = planned({ ...PLAIN, counts: [5] });
    const output = encoded(plans);
    expect(cut(plans, output.subarray(0, -1)).segments).toEqual([]);
    expect(cut(plans, output).segments).toHaveLength(1);
  });

  test('a segment that is too large with its audio is told, and does not spoil the next', () => {
    const plans = planned({ ...PLAIN, counts: [5, 5] });
    const large = plans.map((plan, msn) => (msn === 0 ? { ...plan, kept: [new Uint8Array(20_000)] } : plan));
    const { segments } = cut(large, encoded(plans), undefined, 20_000);
    expect(segments.map(({ fault, bytes }) => [fault, bytes.length > 0])).toEqual([
      [expect.stringMatching(/^2\d{4} bytes with the source's audio and events, the owner takes 20000$/), false],
      [null, true],
    ]);
  });

  test('a segment that lost a picture is told, and does not spoil the next', () => {
    const plans = planned(PLAIN);
    const output = encoded(plans);
    // Of the five pictures of the first segment the fourth and fifth.
    const lost = [3, 4].map((index) => encodedPicture(1024n + BigInt(index * VIDEO_TICKS), false, index));
    const [from, to] = [output.indexOf(lost[0] ?? ''), output.indexOf(lost[1] ?? '')];
    const { segments } = cut(plans, Buffer.concat([output.subarray(0, from), output.subarray(to)]));
    expect(segments.map(({ fault }) => fault)).toEqual(["4 video frames, the source's segment has 5", null]);
    expect(segments[0]?.bytes).toHaveLength(0);
  });

  test.each<[string, (plan: FragmentPlan) => readonly Uint8Array[], string]>([
    [
      'no keyframe',
      ({ times }) => times.map((time, index) => encodedPicture(BigInt(time), false, index)),
      'the first video frame is not a keyframe',
    ],
    [
      'another time',
      ({ times }) =>
        times.map((time, index) => encodedPicture(BigInt(time + (index === 2 ? 40 : 0)), index === 0, index)),
      "video frame 2 is shown 40 ticks from the source's",
    ],
  ])('a segment with %s is told', (_what, pictures, fault) => {
    const [plan] = planned({ ...PLAIN, counts: [5] });
    if (plan === undefined) throw new Error('no plan');
    const { segments } = cut([plan], Buffer.concat([ENCODED_INIT, ...pictures(plan)]));
    expect(segments).toMatchObject([{ fault }]);
  });

  test('at the end what has pictures is told, and what has none is not', () => {
    const plans = planned(PLAIN);
    const { segments, splitter } = cut(plans, Buffer.concat([ENCODED_INIT, encodedPicture(1024n, true, 0)]));
    splitter.end();
    expect(segments).toMatchObject([{ msn: 0, fault: "1 video frames, the source's segment has 5" }]);
  });

  test.each([
    [
      'a picture that nobody announced',
      [],
      Buffer.concat([ENCODED_INIT, encodedPicture(0n, true, 0)]),
      /before any segment/,
    ],
    ['media without a header', planned(PLAIN), encodedPicture(0n, true, 0), /before what describes it/],
    ['a box without end', planned(PLAIN), Buffer.from('ffffffff6d646174', 'hex'), /says 4294967295 bytes/],
    ['a box of 64 bits', planned(PLAIN), Buffer.from('000000016d646174', 'hex'), /says 1 bytes/],
    ['a transport stream', planned(PLAIN), Buffer.alloc(188, 0x47), /says/],
  ])('is not confused by %s', (_what, plans, output, message) => {
    const invalid = expect.objectContaining({ code: 'MP4_INVALID', message: expect.stringMatching(message) });
    expect(() => cut(plans, output)).toThrow(invalid);
  });
});
