import { describe, expect, test } from '@jest/globals';
import { factsFixture } from '@sluice/common/link/facts.testing.ts';
import { ownerReportSchema } from '@sluice/common/link/owner-report.ts';
import { channelSourceFactsSchema } from '@sluice/crds';
import { reportFixture, sessionReportFixture } from '../testing/fixtures.ts';
import { boundedReport, countable } from './bounded-report.ts';

const LONG = 'x'.repeat(100_000);

describe('the report of an owner', () => {
  test('is left as it is where it keeps to the bounds', () => {
    const report = reportFixture({ session: sessionReportFixture() });
    expect(boundedReport(report)).toEqual(report);
  });

  test('fits into a status whatever numbers an edge reports', () => {
    const most = Number.MAX_SAFE_INTEGER;
    const facts = factsFixture({
      width: most,
      height: most,
      frameRateMilli: most,
      targetDurationSeconds: most,
      windowSegments: most,
      videoCodec: LONG,
      probedAt: 'yesterday',
    });
    const bounded = boundedReport(ownerReportSchema.parse(reportFixture({ epoch: most, facts })));
    expect(bounded.epoch).toBe(2 ** 31 - 1);
    expect(channelSourceFactsSchema.safeParse(bounded.facts).error).toBeUndefined();
  });

  test('costs a few kilobytes at most', () => {
    const words = { reason: LONG, message: LONG };
    const session = sessionReportFixture({ encoder: LONG, message: LONG, droppedRungs: Array(1000).fill(LONG) });
    const report = { health: { state: 'down' as const, ...words }, directObstacle: words, transcodeObstacle: words };
    expect(JSON.stringify(boundedReport(reportFixture({ ...report, session }))).length).toBeLessThan(8_000);
  });
});

test.each([
  [-1, 0],
  [0.9, 0],
  [1e300, 2 ** 31 - 1],
  [42, 42],
])('%d counts as %d', (value, expected) => {
  expect(countable(value)).toBe(expected);
});
