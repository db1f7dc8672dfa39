import { describe, expect, test } from '@jest/globals';
import { factsFixture } from '@sluice/common/link/facts.testing.ts';
import type { SourceFacts, SourceRendition } from '@sluice/common/link/source-facts.ts';
import { factsFoundAgain } from './found-again.ts';

const AUDIO: SourceRendition = {
  ...{ name: 'source-audio-1', kind: 'Audio', label: 'English', language: 'en' },
  ...{ bitrateBps: 0, codecs: '', width: 0, height: 0, frameRateMilli: 0 },
  ...{ default: true, autoselect: true, forced: false },
};

const factsOf = (...renditions: readonly SourceRendition[]): SourceFacts => ({
  ...factsFixture(),
  renditions: [...renditions],
});

describe('a source that is probed again while it is watched', () => {
  test.each([
    { name: 'nothing new', known: AUDIO, found: [AUDIO], news: null },
    { name: 'another offset', known: AUDIO, found: [{ ...AUDIO, msnOffset: 7 }], news: 7 },
    { name: 'equal numbers', known: { ...AUDIO, msnOffset: 7 }, found: [AUDIO], news: undefined },
    { name: 'another name', known: AUDIO, found: [{ ...AUDIO, name: 'source-audio-2', msnOffset: 7 }], news: 7 },
    { name: 'another language alone', known: AUDIO, found: [{ ...AUDIO, language: 'de', msnOffset: 7 }], news: null },
    { name: 'no renditions', known: AUDIO, found: [], news: null },
  ])('with $name keeps the names of its renditions and has their offsets', ({ known, found, news }) => {
    const facts = factsFoundAgain(factsOf(known), factsOf(...found));
    if (news === null) expect(facts).toBeNull();
    else expect(facts?.renditions).toEqual([news === undefined ? AUDIO : { ...AUDIO, msnOffset: news }]);
  });

  test('tells pictures of one height apart by their bitrate, though it was reckoned anew', () => {
    const low: SourceRendition = { ...AUDIO, name: 'source-360p', kind: 'Video', height: 360, bitrateBps: 500_000 };
    const high: SourceRendition = { ...low, name: 'source-360p-2', bitrateBps: 900_000 };
    const found = factsOf(
      { ...high, bitrateBps: 950_000, msnOffset: 2 },
      { ...low, bitrateBps: 510_000, msnOffset: 1 },
    );
    const again = factsFoundAgain(factsOf(low, high), found)?.renditions;
    expect(again?.map(({ name, msnOffset }) => [name, msnOffset])).toEqual([
      ['source-360p', 1],
      ['source-360p-2', 2],
    ]);
  });
});
