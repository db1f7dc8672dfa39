import { describe, expect, test } from '@jest/globals';
import type { SourceRendition } from '@sluice/common/link/source-facts.ts';
import fc from 'fast-check';
import type { Candidate } from './renditions.ts';
import { renditionsNow } from './same-rendition.ts';

const BLANK = { label: '', language: '', default: false, autoselect: false, forced: false, codecs: '', width: 0 };
const picture = (name: string, height: number, bitrateBps: number): SourceRendition => ({
  ...{ ...BLANK, name, kind: 'Video', height, bitrateBps, frameRateMilli: 0 },
});
const offered = (rendition: SourceRendition): Candidate => ({ rendition, uri: `http://host/${rendition.name}` });
const names = (probed: readonly SourceRendition[], now: readonly SourceRendition[]) =>
  [...renditionsNow(probed, now.map(offered))].map(([name, one]) => [name, one?.rendition.name ?? null]);

describe('renditions that a source offers again', () => {
  const probed = [
    picture('source-720p', 720, 3e6),
    picture('source-720p-3', 720, 2e6),
    picture('source-360p', 360, 8e5),
  ];

  test('are found by what they are for a viewer, though their bitrates were reckoned anew', () => {
    const now = [picture('a', 360, 9e5), picture('b', 720, 2.1e6), picture('c', 720, 2.9e6)];
    expect(names(probed, now)).toEqual([
      ['source-720p', 'c'],
      ['source-720p-3', 'b'],
      ['source-360p', 'a'],
    ]);
  });

  test('are missing where the source has them no more, and each is found once', () => {
    expect(names(probed, [picture('b', 720, 2e6), picture('d', 240, 8e5)])).toEqual([
      ['source-720p', null],
      ['source-720p-3', 'b'],
      ['source-360p', null],
    ]);
  });

  test('are the very same wherever nothing has changed, in whatever order they come', () => {
    const some = fc.uniqueArray(fc.tuple(fc.constantFrom(240, 360, 720), fc.integer({ min: 1, max: 9 })), {
      selector: (one) => one.join(),
      maxLength: 8,
    });
    fc.assert(
      fc.property(some, fc.infiniteStream(fc.nat()), (all, order) => {
        const renditions = all.map(([height, bitrate]) => picture(`source-${height}-${bitrate}`, height, bitrate));
        const shuffled = renditions.map((one) => [order.next().value ?? 0, one] as const).sort(([a], [b]) => a - b);
        for (const [name, found] of names(
          renditions,
          shuffled.map(([, one]) => one),
        ))
          expect(found).toBe(name);
      }),
      { numRuns: 40 },
    );
  });
});
