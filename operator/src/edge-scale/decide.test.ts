import { describe, expect, test } from '@jest/globals';
import { decideScale } from './decide.ts';
import { IDLE, NOW_MS, type Overrides, scaleInput } from './scale-input.testing.ts';

interface Case {
  readonly name: string;
  readonly given: Overrides;
  readonly expected: object;
}

const LOW_LONG_ENOUGH = { lowSinceMs: NOW_MS - 60_000 };
const EGRESS = { targets: { egressBitsPerSecond: 1e9 } };
const busy = (egressBitsPerSecond: number | null) => ({ egressBitsPerSecond, requestsPerSecond: 1 });

const CASES: readonly Case[] = [
  {
    name: 'stays where the load is on target',
    given: { viewers: 200 },
    expected: { replicas: 2, reason: 'OnTarget', message: '200 viewers, 100 for each pod' },
  },
  { name: 'stays within the tolerance', given: { viewers: 220 }, expected: { replicas: 2, reason: 'OnTarget' } },
  {
    name: 'goes up at once, as far as it takes',
    given: { viewers: 640 },
    expected: { replicas: 7, reason: 'LoadAboveTarget', memory: { lowSinceMs: null } },
  },
  {
    name: 'goes up by what it knows, while another pod has not reported',
    given: { loads: [busy(5e9), null], settings: EGRESS },
    expected: { replicas: 5, reason: 'LoadAboveTarget', message: '5000 Mbit/s, 1000 for each pod' },
  },
  {
    name: 'goes by the load that fills most pods',
    given: {
      viewers: 100,
      loads: [busy(1.5e9), busy(1.2e9)],
      settings: { targets: { viewers: 100, ...EGRESS.targets } },
    },
    expected: { replicas: 3, reason: 'LoadAboveTarget' },
  },
  {
    name: 'goes by requests',
    given: {
      loads: [
        { egressBitsPerSecond: null, requestsPerSecond: 250 },
        { egressBitsPerSecond: null, requestsPerSecond: 250 },
      ],
      settings: { targets: { requestsPerSecond: 100 } },
    },
    expected: { replicas: 5, message: '500 requests/s, 100 for each pod' },
  },
  {
    name: 'says so where more are wanted than allowed',
    given: { viewers: 5000, replicas: 10 },
    expected: {
      replicas: 10,
      reason: 'AtMaximum',
      message: '5000 viewers, 100 for each pod: 50 pods are wanted, 10 are allowed',
    },
  },
  { name: 'goes no further than allowed', given: { viewers: 5000 }, expected: { replicas: 10 } },
  {
    name: 'begins to wait where fewer would do',
    given: { viewers: 80 },
    expected: { replicas: 2, reason: 'ScaleDownWaits', memory: { lowSinceMs: NOW_MS } },
  },
  {
    name: 'looks again when the wait is over, if that is soon',
    given: { viewers: 80, memory: { lowSinceMs: NOW_MS - 58_000 } },
    expected: { replicas: 2, recheckSeconds: 2 },
  },
  {
    name: 'goes down by one pod after the wait, however little there is to do',
    given: { viewers: 0, replicas: 9, memory: LOW_LONG_ENOUGH },
    expected: { replicas: 8, reason: 'LoadBelowTarget', memory: { lowSinceMs: null } },
  },
  {
    name: 'begins the wait anew after a moment in which fewer would not have done',
    given: { viewers: 150, memory: LOW_LONG_ENOUGH },
    expected: { replicas: 2, reason: 'OnTarget', memory: { lowSinceMs: null } },
  },
  {
    name: 'does not go down where what is left would have no room',
    given: { viewers: 95, memory: LOW_LONG_ENOUGH },
    expected: { replicas: 2, reason: 'OnTarget' },
  },
  {
    name: 'does not go down while a pod has not reported',
    given: { loads: [IDLE, null], memory: LOW_LONG_ENOUGH },
    expected: { replicas: 2, reason: 'LoadUnknown', message: 'no report of edge-1', memory: { lowSinceMs: null } },
  },
  {
    name: 'does not go down while a pod cannot measure what counts',
    given: { loads: [busy(0), busy(null)], settings: EGRESS, memory: LOW_LONG_ENOUGH },
    expected: { replicas: 2, reason: 'LoadUnknown' },
  },
  {
    name: 'does not need what does not count',
    given: { loads: [busy(null), busy(null)], memory: LOW_LONG_ENOUGH },
    expected: { replicas: 1 },
  },
  {
    name: 'does not go down while what is to stay is not ready',
    given: { replicas: 3, readyPods: 1, memory: LOW_LONG_ENOUGH },
    expected: {
      replicas: 3,
      reason: 'PodsNotReady',
      message: '0 viewers, 100 for each pod: 2 pods would do, 1 are ready',
    },
  },
  {
    name: 'does not go below the minimum',
    given: { settings: { minReplicas: 2 }, memory: LOW_LONG_ENOUGH },
    expected: { replicas: 2, reason: 'AtMinimum' },
  },
  {
    name: 'takes the minimum for granted',
    given: { replicas: 1, loads: [null], settings: { minReplicas: 3 } },
    expected: { replicas: 3, reason: 'BelowMinimum', message: 'at least 3 pods' },
  },
  {
    name: 'goes from below the minimum to what the load takes',
    given: { replicas: 1, viewers: 480, settings: { minReplicas: 3 } },
    expected: { replicas: 5 },
  },
  {
    name: 'takes the maximum for granted, whatever is not known',
    given: { replicas: 12, loads: [null], viewers: 5000 },
    expected: { replicas: 10, reason: 'AboveMaximum' },
  },
  {
    name: 'leaves alone what somebody has switched off',
    given: { replicas: 0, viewers: 5000 },
    expected: { replicas: 0, reason: 'SwitchedOff' },
  },
];

describe('the number of edge pods', () => {
  test.each(CASES)('$name', ({ given, expected }) => {
    expect(decideScale(scaleInput(given))).toMatchObject(expected);
  });
});
