import { describe, expect, test } from '@jest/globals';
import { NO_PROMOTION } from './row.ts';
import { heardAt, toldAt, type UnderWay, underWaySchema } from './under-way.ts';

/** What waits of a source of very short segments, the newest rows first. */
function underWayOf(segments: number): UnderWay {
  const numbers = Array.from({ length: segments }, (_, index) => 7 + index);
  const rows = numbers.toReversed().map((msn) => ({ msn, rungs: ['360p'] }));
  return {
    schedule: new Map(numbers.map((msn) => [msn, 10_000 + msn])),
    addedLagMs: 100,
    session: { uid: 'session', attempt: 1, draining: false, report: null, promotion: NO_PROMOTION, rows },
  };
}

describe('what an owner has under way', () => {
  test('is heard by another edge as it was told, by the clock of that one', () => {
    const told: unknown = JSON.parse(JSON.stringify(toldAt(10_000, underWayOf(3))));
    const heard = heardAt(50_000, underWaySchema.parse(told));
    expect([...heard.schedule.values()]).toEqual([50_007, 50_008, 50_009]);
    expect(heard.session?.rows.map(({ msn }) => msn)).toEqual([7, 8, 9]);
  });

  test('is never more than another edge reads: what is published first is told', () => {
    const { schedule, session } = underWaySchema.parse(toldAt(10_000, underWayOf(200)));
    expect(schedule[0]?.msn).toBe(7);
    expect(session?.rows[0]?.msn).toBe(7);
    expect(session?.rows).toHaveLength(schedule.length);
  });
});
