import { describe, expect, test } from '@jest/globals';
import { faultOf, type Pulse } from './liveness.ts';

const START = Date.parse('2026-11-21T12:00:00.000Z');

/** An hour after the start; silences in seconds. */
function pulse(silentSeconds: Readonly<Record<string, number>>, changes: Partial<Pulse> = {}): Pulse {
  const nowMs = START + 3_600_000;
  const heard = Object.entries(silentSeconds).map(([name, seconds]) => [name, nowMs - seconds * 1000]);
  return { nowMs, startedAtMs: START, heardAtMs: Object.fromEntries(heard), workingSeconds: {}, ...changes };
}

describe('an operator', () => {
  const cases: readonly [string, Pulse, string | null][] = [
    ['lives while all watches are heard', pulse({ pods: 10, channels: 149 }), null],
    ['is dead where one watch alone is silent', pulse({ pods: 10, channels: 600 }), 'the watch of channels'],
    ['lives while the API server is away', pulse({ pods: 601, channels: 1_799 }), null],
    [
      'is dead where the API server seems away for ever',
      pulse({ pods: 1_700, channels: 1_800 }),
      'the watch of channels',
    ],
    [
      'counts a watch that was never heard from the start on',
      pulse({}, { heardAtMs: { pods: 0 } }),
      'the watch of pods',
    ],
    [
      'is given the time to start',
      { nowMs: START + 60_000, startedAtMs: START, heardAtMs: { pods: 0 }, workingSeconds: {} },
      null,
    ],
    ['lives while a call is slow', pulse({ pods: 1 }, { workingSeconds: { session: 90 } }), null],
    [
      'is dead where a reconciliation never ends',
      pulse({ pods: 1 }, { workingSeconds: { channel: 0, session: 600 } }),
      'controller session has worked on one object for 600 s',
    ],
  ];
  test.each(cases)('%s', (_name, given, expected) => {
    const fault = faultOf(given);
    if (expected === null) expect(fault).toBeNull();
    else expect(fault).toContain(expected);
  });
});
