import { describe, expect, test } from '@jest/globals';
import type { CrowdReport } from '../viewer/crowd-tally.ts';
import { doubts, faults, figures, type Outcome } from './verdict.ts';

const report: CrowdReport = {
  ...{
    present: 100,
    playing: 100,
    polls: 9000,
    segments: 8000,
    bytes: 1e9,
    stalls: 0,
    stalledSeconds: 0,
    ownStalls: 0,
  },
  ...{ slowestSegmentSeconds: 0.4, problems: 3, lostConnections: 3, lastProblem: 'lost' },
};
/** The owner ends at 61 s: everything after it is so late. */
const listingsLate = (milliseconds: number) =>
  Array.from({ length: 60 }, (_, index) => ({
    ...{ msn: index, durationSeconds: 2 },
    atMilliseconds: index * 2000 + (index > 30 ? milliseconds : 0),
  }));
const listings = listingsLate(1500);
const kill = { name: 'edge-a', how: 'with its pod', groups: [7], atMilliseconds: 61_000 };
const leak = Array.from({ length: 30 }, (_, index) => ({
  second: index * 10,
  megabytes: 200,
  heldMegabytes: 90 + index * 4,
  objectMegabytes: 30,
  descriptors: 9,
}));
const good: Outcome = {
  ...{
    report,
    listings,
    sourceListings: listings,
    kills: [kill],
    lives: [{ name: 'operator', group: 1, holdings: [] }],
    switches: 4,
    lastListingSeconds: 1,
    doubledSeconds: 1,
    lateSeconds: 0.1,
  },
};

describe('the verdict on a soak', () => {
  test.each<[string, Partial<Outcome>, string[]]>([
    ['passes with nothing but connections that a killed edge has lost', {}, []],
    ['leaves stalls of the viewers themselves to doubt', { report: { ...report, stalls: 2, ownStalls: 2 } }, []],
    ['names stalls', { report: { ...report, stalls: 2, stalledSeconds: 1.25 } }, ['2 stalls, 1.3 s in all']],
    ['names errors', { report: { ...report, problems: 5, lastProblem: '503' } }, ['2 errors, the last: 503']],
    ['names an audience of nobody', { report: { ...report, segments: 0 } }, ['nobody has seen a segment']],
    [
      'names a channel that stood',
      { listings: listings.slice(0, 30), lastListingSeconds: 60 },
      ['after 1 killed owners nothing was listed for 20 s', 'at the end nothing new for 60 s'],
    ],
    [
      'names segments that came late after an owner',
      { listings: listingsLate(2_500), sourceListings: [] },
      ['after 1 killed owners segments were listed up to 2.5 s late'],
    ],
    ['leaves them to doubt where the source was late', { listings: listingsLate(2_500) }, []],
    ['names an operator whose memory nobody knows', { lives: [] }, ['the operator has never said what it holds']],
    ['names owners that nobody killed', { kills: [] }, ['only 0 of 1 owners were killed']],
    ['names a channel that kept its mode', { switches: 0 }, ['only 0 changes of mode, expected 3']],
    ['names a second client of the source', { doubledSeconds: 30 }, ['two edges were at the source for 30 s']],
    [
      'names a process that grew',
      { lives: [...good.lives, { name: 'edge-a sidecar', group: 7, holdings: leak }] },
      ['edge-a sidecar (7): memory grew by 64 MB in 230 s'],
    ],
  ])('%s', (_, change, expected) =>
    expect(faults({ ...good, ...change }, { kills: 1, switches: 3 })).toEqual(expected),
  );

  test('is in doubt where viewers were late themselves', () => {
    expect(doubts(good)).toEqual([]);
    expect(doubts({ ...good, report: { ...report, stalls: 3, ownStalls: 2 }, lateSeconds: 6 })).toEqual([
      '2 stalls while the viewers of this process were late themselves, by 6.0 s at most: nobody can tell what they would have seen',
    ]);
  });

  test('is in doubt where segments were late after an owner, and this process, too', () => {
    expect(doubts({ ...good, listings: listingsLate(2_500), sourceListings: [], lateSeconds: 0.6 })).toEqual([
      'segments were listed 2.5 s late after a killed owner, with source or viewers late themselves, by 0.6 s at most',
    ]);
  });

  test('says what a lost owner cost, and how processes have grown', () => {
    const lives = [{ name: 'edge-a sidecar', group: 7, holdings: leak.slice(0, 3) }];
    expect(figures({ ...good, lives })).toEqual([
      '8000 segments, 9000 playlists, 4 changes of mode, 3 lost connections, slowest segment 0.4 s',
      'viewers themselves late by 0.1 s at most, the source itself by 1.5 s',
      'owner 1 of 1, edge-a, killed with its pod: next segments at most 1.5 s late',
      'edge-a sidecar (7): 98 MB held of 200, 9 descriptors; too short a life to be judged',
    ]);
  });
});
