import { describe, expect, test } from '@jest/globals';
import type { Mode } from '@sluice/common/link/mode.ts';
import { inputOf, OBSTACLE, type Overrides } from '../testing/decision-input.ts';
import { decide } from './decide.ts';

describe('the decision', () => {
  interface Case extends Overrides {
    name: string;
    expected: Mode;
    code: string;
    expectedPending?: Mode | null;
    wake?: number | null;
  }
  const open = 1_000_000 - 10_000;
  const over = 1_000_000 - 30_000;
  const cases: readonly Case[] = [
    { name: 'leaves a channel without viewers idle', expected: 'Idle', code: 'Steady', wake: null },
    { name: 'serves the first viewer directly at once', viewers: 1, expected: 'Direct', code: 'AudienceGrew' },
    {
      name: 'proxies for the second viewer at once',
      viewers: 2,
      mode: 'Direct',
      expected: 'Proxy',
      code: 'AudienceGrew',
    },
    {
      name: 'proxies for a sudden crowd at once and opens the window for the transcode',
      viewers: 10,
      expected: 'Proxy',
      code: 'AudienceGrew',
      expectedPending: 'Transcode',
      wake: 30,
    },
    {
      name: 'falls all the way at once where the window was taken away while it was open',
      viewers: 0,
      mode: 'Proxy',
      spec: { hysteresisSeconds: 0 },
      pending: { target: 'Direct', sinceMs: open },
      expected: 'Idle',
      code: 'AudienceShrank',
      wake: null,
    },
    {
      name: 'waits while the window is open',
      viewers: 5,
      mode: 'Proxy',
      pending: { target: 'Transcode', sinceMs: open },
      expected: 'Proxy',
      code: 'WindowOpen',
      expectedPending: 'Transcode',
      wake: 20,
    },
    {
      name: 'transcodes when the crowd has stayed for the whole window',
      viewers: 5,
      mode: 'Proxy',
      pending: { target: 'Transcode', sinceMs: over },
      expected: 'Transcode',
      code: 'AudienceGrew',
    },
    {
      name: 'does not transcode for ids without a sign of life since the middle of the window',
      viewers: 5,
      alive: 3,
      mode: 'Proxy',
      pending: { target: 'Transcode', sinceMs: over },
      expected: 'Proxy',
      code: 'WindowOpen',
      expectedPending: 'Transcode',
      wake: null,
    },
    {
      name: 'does not start a transcode for untrusted viewers',
      viewers: 9,
      trusted: 3,
      mode: 'Proxy',
      expected: 'Proxy',
      code: 'Steady',
    },
    {
      name: 'forgets a promotion when the crowd leaves early',
      viewers: 3,
      mode: 'Proxy',
      pending: { target: 'Transcode', sinceMs: open },
      expected: 'Proxy',
      code: 'Steady',
    },
    {
      name: 'opens a window when viewers leave',
      viewers: 1,
      mode: 'Proxy',
      expected: 'Proxy',
      code: 'WindowOpen',
      expectedPending: 'Direct',
      wake: 30,
    },
    {
      name: 'demotes only to the highest mode that the window saw',
      viewers: 0,
      mode: 'Transcode',
      pending: { target: 'Proxy', sinceMs: over },
      expected: 'Proxy',
      code: 'AudienceShrank',
      expectedPending: 'Idle',
      wake: 30,
    },
    {
      name: 'raises the target of a demotion when some viewers come back',
      viewers: 2,
      mode: 'Transcode',
      pending: { target: 'Idle', sinceMs: open },
      expected: 'Transcode',
      code: 'WindowOpen',
      expectedPending: 'Proxy',
      wake: 20,
    },
    {
      name: 'goes from Transcode straight to Idle when nobody was there for a window',
      mode: 'Transcode',
      pending: { target: 'Idle', sinceMs: over },
      expected: 'Idle',
      code: 'AudienceShrank',
    },
    {
      name: 'holds the mode while an edge does not answer',
      state: 'stale',
      mode: 'Transcode',
      pending: { target: 'Idle', sinceMs: over },
      expected: 'Transcode',
      code: 'CountUncertain',
    },
    {
      name: 'holds the mode while an edge was never heard of',
      state: 'unknown',
      mode: 'Proxy',
      expected: 'Proxy',
      code: 'CountUncertain',
    },
    {
      name: 'promotes on an uncertain count, which can only be too low',
      state: 'stale',
      viewers: 2,
      expected: 'Proxy',
      code: 'AudienceGrew',
    },
    {
      name: 'takes Proxy for the first viewer where Direct is impossible',
      viewers: 1,
      direct: OBSTACLE,
      expected: 'Proxy',
      code: 'DirectImpossible',
    },
    {
      name: 'leaves Direct at once when it turns out to be impossible',
      viewers: 1,
      mode: 'Direct',
      direct: OBSTACLE,
      expected: 'Proxy',
      code: 'DirectImpossible',
    },
    {
      name: 'returns to Direct after the window when the obstacle has passed',
      viewers: 1,
      mode: 'Proxy',
      direct: { ...OBSTACLE, untilMs: 999_999 },
      expected: 'Proxy',
      code: 'WindowOpen',
      expectedPending: 'Direct',
      wake: 30,
    },
    {
      name: 'wakes when an obstacle passes',
      viewers: 1,
      mode: 'Proxy',
      direct: { ...OBSTACLE, untilMs: 1_600_000 },
      expected: 'Proxy',
      code: 'DirectImpossible',
      wake: 600,
    },
    {
      name: 'stays Direct where maximumMode forbids the alternative',
      viewers: 9,
      direct: OBSTACLE,
      spec: { maximumMode: 'Direct' },
      expected: 'Direct',
      code: 'AudienceGrew',
    },
    {
      name: 'falls back at once when the transcode fails',
      viewers: 9,
      mode: 'Transcode',
      transcode: OBSTACLE,
      expected: 'Proxy',
      code: 'TranscodeImpossible',
    },
    {
      name: 'caps at Proxy where Transcode is impossible',
      viewers: 9,
      mode: 'Proxy',
      transcode: OBSTACLE,
      expected: 'Proxy',
      code: 'TranscodeImpossible',
      wake: null,
    },
    {
      name: 'leaves a mode at once that the spec forbids now',
      viewers: 9,
      mode: 'Transcode',
      spec: { maximumMode: 'Direct' },
      expected: 'Direct',
      code: 'MaximumMode',
    },
    {
      name: 'holds the minimum without viewers',
      spec: { minimumMode: 'Proxy' },
      expected: 'Proxy',
      code: 'MinimumMode',
    },
    {
      name: 'transcodes at once where the minimum says so',
      spec: { minimumMode: 'Transcode' },
      expected: 'Transcode',
      code: 'MinimumMode',
    },
    {
      name: 'does so without a window, too',
      spec: { minimumMode: 'Transcode', hysteresisSeconds: 0 },
      expected: 'Transcode',
      code: 'MinimumMode',
    },
    {
      name: 'holds a pinned mode without viewers',
      pins: [{ mode: 'Transcode', reason: 'pre-warm' }],
      expected: 'Transcode',
      code: 'Pinned',
    },
    {
      name: 'never lets a pin pass the maximum',
      pins: [{ mode: 'Transcode', reason: 'pre-warm' }],
      spec: { maximumMode: 'Proxy' },
      expected: 'Proxy',
      code: 'Pinned',
    },
    {
      name: 'without hysteresis transcodes at once',
      viewers: 4,
      alive: 0,
      spec: { hysteresisSeconds: 0 },
      expected: 'Transcode',
      code: 'AudienceGrew',
      wake: null,
    },
    {
      name: 'without hysteresis goes idle at once',
      mode: 'Transcode',
      spec: { hysteresisSeconds: 0 },
      expected: 'Idle',
      code: 'AudienceShrank',
      wake: null,
    },
  ];
  test.each(cases.map((entry) => [entry.name, entry] as const))('%s', (_name, entry) => {
    const decision = decide(inputOf(entry));
    expect([decision.mode, decision.reason.code]).toEqual([entry.expected, entry.code]);
    if (entry.expectedPending !== undefined) expect(decision.pending?.target ?? null).toBe(entry.expectedPending);
    if (entry.wake !== undefined) expect(decision.wakeAfterSeconds).toBe(entry.wake);
  });

  test.each<[string, Mode, string]>([
    ['stay in Proxy', 'Proxy', '5 viewers, 3 of whom may start a transcode: the others only send heartbeats'],
    [
      'end a transcode',
      'Transcode',
      '5 viewers, 3 of whom may start a transcode: Proxy once the audience has stayed that small for 30 s',
    ],
  ])('says how many viewers count for a transcode when they %s', (_, mode, message) => {
    expect(decide(inputOf({ viewers: 5, trusted: 3, mode })).reason.message).toBe(message);
  });

  test('says in words why, with the numbers', () => {
    const decision = decide(inputOf({ viewers: 5, mode: 'Proxy', pending: { target: 'Transcode', sinceMs: over } }));
    expect(decision.reason.message).toBe('5 viewers: at least 4 for 30 s, the threshold for Transcode');
  });
});
