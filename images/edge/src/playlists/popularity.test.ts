import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Popularity, STILL_WORTH_A_FILE, WORTH_A_FILE } from './popularity.ts';

describe('the popularity of a playlist', () => {
  const cases: readonly (readonly [name: string, perChange: readonly number[], isFile: boolean])[] = [
    ['is not worth a file for nine viewers', [9, 9, 9], false],
    ['is worth one as soon as ten have asked for the same text', [10], true],
    ['stays so while five of them ask', [10, 5, 5], true],
    ['ends with the change after which fewer asked', [10, 4, 0], false],
    ['does not add up over changes', [6, 6, 6], false],
    ['comes back like the first time', [10, 0, 9, 10], true],
  ];
  test.each(cases)('%s', (_name, perChange, isFile) => {
    const popularity = new Popularity();
    for (const [index, count] of perChange.entries()) {
      if (index > 0) popularity.renewed();
      popularity.requested(count);
    }
    expect(popularity.isFile).toBe(isFile);
  });

  test('is over when the channel sleeps', () => {
    const popularity = new Popularity();
    popularity.requested(1000);
    popularity.ended();
    expect(popularity.isFile).toBe(false);
    popularity.requested(WORTH_A_FILE - 1);
    expect(popularity.isFile).toBe(false);
  });

  test('makes and removes no file in turns for a steady audience', () => {
    const audience = fc.integer({ min: 0, max: 40 });
    fc.assert(
      fc.property(audience, fc.array(fc.integer({ min: -2, max: 2 }), { maxLength: 30 }), (viewers, noise) => {
        const popularity = new Popularity();
        const states = noise.map((more) => {
          popularity.renewed();
          popularity.requested(Math.max(0, viewers + more));
          return popularity.isFile;
        });
        // A file that ends does so because the audience has shrunk by a half since it began.
        const turns = states.filter((state, index) => index > 0 && state !== states[index - 1]).length;
        expect(turns).toBeLessThanOrEqual(viewers - 2 < STILL_WORTH_A_FILE ? noise.length : 1);
      }),
    );
  });
});
