import { describe, expect, test } from '@jest/globals';
import type { OwnerReport, SessionReport } from '@sluice/common/link/owner-report.ts';
import { reportFixture, sessionReportFixture } from '../testing/fixtures.ts';
import { FirstSegmentTimes } from './first-segments.ts';

describe('the times to the first segments', () => {
  const CASES: readonly { readonly name: string; readonly reports: readonly OwnerReport[]; readonly told: number[] }[] =
    [
      { name: 'are told when they come', reports: [of({}), of({ firstSegmentsSeconds: 2.7 })], told: [2.7] },
      {
        name: 'are told once',
        reports: [of({}), of({ firstSegmentsSeconds: 2.7 }), of({ firstSegmentsSeconds: 2.7, state: 'Live' })],
        told: [2.7],
      },
      { name: 'are not told again by a new leader', reports: [of({ firstSegmentsSeconds: 2.7 })], told: [] },
      {
        name: 'are those of each pod',
        reports: [
          of({}),
          of({ firstSegmentsSeconds: 2.7 }),
          of({ attempt: 2 }),
          of({ attempt: 2, firstSegmentsSeconds: 3.5 }),
        ],
        told: [2.7, 3.5],
      },
      {
        name: 'wait for a report of a session',
        reports: [reportFixture({ session: null }), of({ firstSegmentsSeconds: 2 })],
        told: [],
      },
    ];

  test.each(CASES)('$name', ({ reports, told }) => {
    const heard: number[] = [];
    const times = new FirstSegmentTimes((seconds) => heard.push(seconds));
    const state = {};
    for (const report of reports) times.take(state, report);
    expect(heard).toEqual(told);
  });
});

function of(session: Partial<SessionReport>): OwnerReport {
  return reportFixture({ session: sessionReportFixture(session) });
}
