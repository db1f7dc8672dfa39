import { describe, expect, test } from '@jest/globals';
import { growthPicture } from './growth-picture.ts';

const base = {
  ...{ descriptors: 30, stalls: 0, ownStalls: 0, problems: 0, lastProblem: '' },
  ...{ machinePercent: 50, deliveredPercent: 100 },
};
const SIZES = [
  [10, 1],
  [100, 1],
  [1000, 1],
  [10_000, 1],
  [1000, 100],
  [1000, 1000],
] as const;
const rows = SIZES.map(([viewers, channels]) => ({
  ...base,
  viewers,
  channels,
  nginxPercent: viewers / 500,
  sidecarPercent: 0,
  sidecarMegabytes: 100 + viewers / 1000 + channels / 10,
  sidecarOwnMegabytes: 50 + viewers / 1000,
}));

/** Points of each line of the picture. */
function linesOf(picture: string): readonly (readonly string[])[] {
  return [...picture.matchAll(/points="([^"]*)"/g)].map(([, text = '']) => text.split(' '));
}

describe('the picture of growth', () => {
  const picture = growthPicture(rows);

  test('is well-formed and names every number of viewers and of channels', () => {
    expect(picture.match(/<(svg|g|title|text)\b/g)?.length).toBe(picture.match(/<\/(svg|g|title|text)>/g)?.length);
    for (const number of SIZES.flat()) expect(picture).toContain(`>${number}</text>`);
  });

  test('has a point for each row of one channel, and for each of a thousand viewers', () => {
    expect(linesOf(picture).map((points) => points.length)).toEqual([4, 4, 4, 3, 3, 3]);
  });

  test('draws every value within its panel, also one of 0', () => {
    for (const [index, points] of linesOf(picture).entries()) {
      const top = index < 3 ? 46 : 336;
      for (const point of points) {
        const [x = Number.NaN, y = Number.NaN] = point.split(',').map(Number);
        expect(x).toBeGreaterThanOrEqual(60);
        expect(x).toBeLessThanOrEqual(720);
        expect(y).toBeGreaterThanOrEqual(top);
        expect(y).toBeLessThanOrEqual(top + 190);
      }
    }
  });

  test('is still one where nothing was measured', () => {
    expect(growthPicture([])).not.toMatch(/NaN|Infinity/);
  });
});
