import { expect, test } from '@jest/globals';
import { sourceSegment } from '../source/playlist.testing.ts';
import { append, newLog } from '../timeline/log.ts';
import { withMarkers } from './markers.ts';
import { NOT_ASKED, type PendingSegment } from './pending.ts';

const range = (id: string): string => `#EXT-X-DATERANGE:ID="${id}",START-DATE="2026-01-01T00:00:00Z"`;
const CUE = '#EXT-X-CUE-OUT:30';

function pending(msn: number, ...markers: string[]): PendingSegment {
  return {
    msn,
    epoch: 1,
    period: 0,
    start: 'continue',
    source: sourceSegment({ msn, uri: 'http://source/1.ts' }),
    durationSeconds: 2,
    discontinuity: false,
    publishAt: 0,
    sourceName: 's/a.1/source/1.0.ts',
    markers,
    beside: {},
    download: NOT_ASKED,
  };
}

const EMPTY = newLog({
  epoch: 1,
  targetDurationSeconds: 2,
  rungs: ['source'],
  firstMsn: 0,
  discontinuityBase: 0,
  numbers: { msnOffset: 0, discontinuityOffset: 0 },
});
const listed = append(EMPTY, {
  msn: 0,
  epoch: 1,
  durationSeconds: 2,
  dateTime: null,
  discontinuity: false,
  gap: false,
  map: null,
  names: { source: 'a' },
  markers: [range('listed')],
});

const placed = (
  added: readonly PendingSegment[],
  dateRanges: readonly string[],
  waiting: readonly PendingSegment[] = [],
) => withMarkers(added, dateRanges, listed, waiting).map(({ markers }) => markers);

test('markers stay in front of the segments that have them', () => {
  expect(placed([pending(1), pending(2, range('a'), CUE), pending(3)], [range('a')])).toEqual([
    [],
    [range('a'), CUE],
    [],
  ]);
});

test('a date range that stands elsewhere comes with the first new segment, once', () => {
  const all = [range('top'), range('listed'), range('waits')];
  expect(placed([pending(1, CUE), pending(2)], all, [pending(0, range('waits'))])).toEqual([[range('top'), CUE], []]);
});

test('a date range that is in front of a new segment again, after it was listed, is not repeated', () => {
  expect(placed([pending(1, range('listed')), pending(2, range('listed'))], [range('listed')])).toEqual([[], []]);
});

test('a cue without a date is kept wherever it stands, as often as it stands there', () => {
  expect(placed([pending(1, CUE), pending(2, CUE)], [])).toEqual([[CUE], [CUE]]);
});

test('more than one segment takes wait for the next look', () => {
  const all = Array.from({ length: 20 }, (_, index) => range(`${index}`));
  expect(placed([pending(1)], all)[0]).toHaveLength(16);
});
