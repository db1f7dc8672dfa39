import { describe, expect, test } from '@jest/globals';
import { markOf } from '../source/intake.ts';
import type { SourceSegment } from '../source/parse.ts';
import { emptyLog, longerLog } from '../testing/log.ts';
import { segmentName } from '../timeline/names.ts';
import { lastsAsListed, type RereadFacts, rereadable } from './reread-plan.ts';

const UID = '11112222-film';
const nameOf = (msn: number): string => segmentName({ uid: UID, epoch: 1, rung: 'source', msn, attempt: 0 });

function segment(msn: number, change: Partial<SourceSegment> = {}): SourceSegment {
  return {
    ...{
      msn,
      uri: `https://cdn.test/film/a${msn}.ts`,
      durationSeconds: 2,
      discontinuitySequence: 0,
      discontinuity: false,
    },
    ...{ dateTime: null, range: null, map: null, gap: false, keys: [], mapKeys: [], markers: [] },
    ...change,
  };
}

/** Listed are 1 to 4; the source lists 3 to 6. */
function facts(change: (listed: SourceSegment) => SourceSegment = (listed) => listed): RereadFacts {
  let log = emptyLog();
  for (let msn = 1; msn <= 4; msn += 1) log = longerLog(log, nameOf(msn));
  const segments = [3, 4, 5, 6].map((msn) => change(segment(msn)));
  const playlist = {
    kind: 'media',
    targetDurationSeconds: 2,
    segments,
    windowSegments: 4,
    ended: false,
    dateRanges: [],
  } as const;
  return { uid: UID, log, known: [1, 2, 3, 4].map((msn) => ({ msn, mark: markOf(segment(msn)) })), playlist };
}

const uriOf = (name: string, from: RereadFacts): string | null => rereadable(name, from)?.source.uri ?? null;

describe('what the source is asked for again', () => {
  test('is what it lists under that number, and what it listed before, beside that', () => {
    expect(uriOf(nameOf(4), facts())).toBe('https://cdn.test/film/a4.ts');
    expect(uriOf(nameOf(1), facts())).toBe('https://cdn.test/film/a1.ts');
    expect(rereadable(nameOf(1), facts())).toMatchObject({
      epoch: 1,
      sourceName: nameOf(1),
      durationSeconds: 2,
    });
  });

  test('is what another rendition has beside it', () => {
    const audio = segmentName({ uid: UID, epoch: 1, rung: 'audio', msn: 4, attempt: 0 }, 'aac');
    const all = facts((listed) => ({
      ...listed,
      beside: { audio: segment(listed.msn, { uri: `https://cdn.test/en/${listed.msn}.aac` }) },
    }));
    const entries = all.log.entries.map((entry) =>
      entry.msn === 4
        ? { ...entry, names: { ...entry.names, audio }, beside: { audio: { map: null, durationSeconds: 2.1 } } }
        : entry,
    );
    const from = { ...all, log: { ...all.log, entries } };
    expect(rereadable(audio, from)).toMatchObject({
      ...{ sourceName: audio, durationSeconds: 2.1 },
      source: { uri: 'https://cdn.test/en/4.aac' },
    });
  });

  test.each<[string, number, (facts: RereadFacts) => RereadFacts]>([
    ['is not listed', 9, (all) => all],
    [
      'has another name under that number now',
      4,
      () => facts((listed) => ({ ...listed, uri: listed.uri.replace('a', 'b') })),
    ],
    ['has another length', 4, () => facts((listed) => ({ ...listed, durationSeconds: 1.5 }))],
    [
      'is of another container',
      4,
      () => facts((listed) => ({ ...listed, map: { uri: 'https://cdn.test/i.mp4', range: null } })),
    ],
    ['is a gap by now', 4, () => facts((listed) => ({ ...listed, gap: true }))],
    ['was never seen here', 4, (all) => ({ ...all, known: [] })],
    ['is of an earlier epoch', 4, (all) => ({ ...all, log: { ...all.log, epoch: 2 } })],
    [
      'has left a playlist of URLs with queries',
      1,
      () => facts((listed) => ({ ...listed, uri: `${listed.uri}?token=1` })),
    ],
    [
      'has left a playlist of parts of files',
      1,
      () => facts((listed) => ({ ...listed, range: { offset: 0, length: 9 } })),
    ],
    [
      'bears a name that leads elsewhere',
      1,
      (all) => ({ ...all, known: [{ msn: 1, mark: 'https://evil.test/a1.ts' }] }),
    ],
    ['bears a name that leads to another folder', 1, (all) => ({ ...all, known: [{ msn: 1, mark: '../secret.ts' }] })],
  ])('is nothing for a file that %s', (_, msn, change) => expect(rereadable(nameOf(msn), change(facts()))).toBeNull());
});

test.each([
  ['as long as listed', 50, true],
  ['as long as sources round', 44, true],
  ['cut short', 20, false],
  ['of other film', 150, false],
])('film is %s', (_, frames, expected) => {
  const video = { frames, frameRateMilli: 25_000 };
  expect(lastsAsListed({ video } as Parameters<typeof lastsAsListed>[0], 2)).toBe(expected);
  expect(lastsAsListed(null, 2)).toBe(true);
});
