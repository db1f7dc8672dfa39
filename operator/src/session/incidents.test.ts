import { describe, expect, test } from '@jest/globals';
import type { Incident } from '@sluice/common/work/incident.ts';
import { reportFixture, sessionReportFixture } from '../testing/fixtures.ts';
import { SessionIncidents } from './incidents.ts';

const START = Date.parse('2026-11-21T12:00:00.000Z');

function incident(seconds: number, changes: Partial<Incident> = {}): Incident {
  const time = new Date(START + seconds * 1000).toISOString();
  return { reason: 'ForceKillRequired', message: 'FFmpeg was killed', time, ...changes };
}

/** What is told of a series of reports, each with these incidents of an attempt. */
function told(...reports: readonly { attempt?: number; incidents: readonly Incident[] }[]): readonly string[] {
  const words: string[] = [];
  const state = {};
  const watch = new SessionIncidents(
    () => START,
    (uid, { name, attempt }, { reason }) => words.push(`${uid} ${name}-${attempt} ${reason}`),
  );
  for (const { attempt = 1, incidents } of reports) {
    watch.take(state, reportFixture({ session: sessionReportFixture({ attempt, incidents: [...incidents] }) }));
  }
  return words;
}

describe('incidents in reports', () => {
  test('are told once each, however often they are reported', () => {
    const [first, second] = [incident(1), incident(2)];
    const words = told({ incidents: [first] }, { incidents: [first] }, { incidents: [first, second] });
    expect(words).toEqual(['c1 film-1-1 ForceKillRequired', 'c1 film-1-1 ForceKillRequired']);
  });

  test('of another pod are other incidents', () => {
    const same = incident(1);
    expect(told({ incidents: [same] }, { attempt: 2, incidents: [same] })).toHaveLength(2);
  });

  test('that an operator before this one has told are not told again', () => {
    expect(told({ incidents: [incident(-60), incident(-10)] })).toHaveLength(1);
  });
});
