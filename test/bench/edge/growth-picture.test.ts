import { describe, expect, test } from '@jest/globals';
import { growthPicture } from './growth-picture.ts';

const base = { channels: 1, descriptors: 30, stalls: 0, problems: 0, lastProblem: '' };
const rows = [10, 100, 1000, 10_000].map((viewers) => ({
  ...base,
  viewers,
  nginxPercent: viewers / 500,
  sidecarPercent: 0,
  sidecarMegabytes: 100 + viewers / 1000,
  sidecarOwnMegabytes: 50 + viewers / 1000,
}));

describe('the picture of growth', () => {
  const picture = growthPicture(rows);

  test('is well-formed and names every number of viewers', () => {
    expect(picture.match(/<(svg|g|title|text)\b/g)?.length).toBe(picture.match(/<\/(svg|g|title|text)>/g)?.length);
    for (const { viewers } of rows) expect(picture).toContain(`>${viewers}</text>`);
  });

  test('draws every value within its panel, also one of 0', () => {
    const points = [...picture.matchAll(/points="([^"]+)"/g)].flatMap(([, text = '']) => text.split(' '));
    expect(points).toHaveLength(12);
    for (const point of points) {
      const [x = Number.NaN, y = Number.NaN] = point.split(',').map(Number);
      expect(x).toBeGreaterThanOrEqual(60);
      expect(x).toBeLessThanOrEqual(720);
      expect(y).toBeGreaterThanOrEqual(46);
      expect(y).toBeLessThanOrEqual(236);
    }
  });
});
