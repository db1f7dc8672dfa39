import { describe, expect, test } from '@jest/globals';
import type { Mode } from '@sluice/common/link/messages.ts';
import fc from 'fast-check';
import {
  aliveSinceMs,
  type Decision,
  type DecisionInput,
  type DeliverySpec,
  decide,
  type ModeObstacle,
  type PreviousDecision,
} from './decide.ts';
import { isBelow, MODES, rank } from './mode.ts';

const SPEC: DeliverySpec = {
  minimumMode: 'Idle',
  maximumMode: 'Transcode',
  proxyThreshold: 2,
  transcodeThreshold: 4,
  hysteresisSeconds: 30,
};
const OBSTACLE: ModeObstacle = { reason: 'NoCors', message: 'the source sends no CORS header', untilMs: null };

interface Overrides {
  nowMs?: number;
  spec?: Partial<DeliverySpec>;
  viewers?: number;
  trusted?: number;
  alive?: number;
  state?: DecisionInput['audience']['state'];
  pins?: DecisionInput['pins'];
  direct?: ModeObstacle;
  transcode?: ModeObstacle;
  mode?: Mode;
  pending?: PreviousDecision['pending'];
}

function inputOf(overrides: Overrides): DecisionInput {
  const viewers = overrides.viewers ?? 0;
  const trusted = overrides.trusted ?? viewers;
  return {
    nowMs: overrides.nowMs ?? 1_000_000,
    spec: { ...SPEC, ...overrides.spec },
    audience: { state: overrides.state ?? 'known', viewers, trusted, alive: overrides.alive ?? trusted },
    pins: overrides.pins ?? [],
    obstacles: { direct: overrides.direct ?? null, transcode: overrides.transcode ?? null },
    previous: { mode: overrides.mode ?? 'Idle', sinceMs: 0, pending: overrides.pending ?? null },
  };
}

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

  test('says in words why, with the numbers', () => {
    const decision = decide(inputOf({ viewers: 5, mode: 'Proxy', pending: { target: 'Transcode', sinceMs: over } }));
    expect(decision.reason.message).toBe('5 viewers: at least 4 for 30 s, the threshold for Transcode');
  });
});

/** A viewer who comes, gives signs of life every few seconds, and leaves. */
interface Visit {
  readonly fromSeconds: number;
  readonly untilSeconds: number;
}

interface Step {
  readonly atSeconds: number;
  readonly decision: Decision;
  readonly before: PreviousDecision;
}

/**
 * Plays visits against the decision: it runs when the count changes, when it asked to be woken, and, while a promotion
 * waits, on a sign of life of everybody present every two seconds (the edges' pace).
 */
function play(
  visits: readonly Visit[],
  spec: DeliverySpec,
  state: DecisionInput['audience']['state'] = 'known',
): Step[] {
  const times = new Set(visits.flatMap((visit) => [visit.fromSeconds, visit.untilSeconds]));
  const end = Math.max(0, ...times) + 4 * spec.hysteresisSeconds + 10;
  const steps: Step[] = [];
  let previous: PreviousDecision = { mode: spec.minimumMode, sinceMs: 0, pending: null };
  let wakeAt: number | null = 0;
  for (let at = 0; at <= end; at += 0.5) {
    const signs = previous.pending?.target === 'Transcode' && at % 2 === 0;
    if (!times.has(at) && !signs && (wakeAt === null || at < wakeAt)) continue;
    const present = visits.filter((visit) => visit.fromSeconds <= at && at < visit.untilSeconds);
    const since = previous.pending === null ? 0 : aliveSinceMs(previous.pending, spec.hysteresisSeconds) / 1000;
    const alive = present.filter((visit) => Math.max(visit.fromSeconds, Math.floor(at / 2) * 2) >= since).length;
    const audience = { state, viewers: present.length, trusted: present.length, alive };
    const before = previous;
    const decision = decide({
      nowMs: at * 1000,
      spec,
      audience,
      pins: [],
      obstacles: { direct: null, transcode: null },
      previous,
    });
    steps.push({ atSeconds: at, decision, before });
    wakeAt = decision.wakeAfterSeconds === null ? null : at + decision.wakeAfterSeconds;
    previous = { mode: decision.mode, sinceMs: decision.sinceMs, pending: decision.pending };
  }
  return steps;
}

const visit = fc
  .tuple(fc.integer({ min: 0, max: 240 }), fc.integer({ min: 1, max: 120 }))
  .map(([from, long]): Visit => ({ fromSeconds: from / 2, untilSeconds: (from + long) / 2 }));
const visits = fc.array(visit, { maxLength: 12 });
const specs = fc
  .tuple(
    fc.constantFrom(...MODES),
    fc.constantFrom(...MODES),
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 6 }),
    fc.integer({ min: 0, max: 20 }),
  )
  .map(
    ([one, other, proxy, transcode, hysteresisSeconds]): DeliverySpec => ({
      minimumMode: isBelow(one, other) ? one : other,
      maximumMode: isBelow(one, other) ? other : one,
      proxyThreshold: proxy,
      transcodeThreshold: Math.max(proxy, transcode),
      hysteresisSeconds,
    }),
  );

/** Whether a step was a change that has to wait for its window. */
function isDelayed({ decision, before }: Step): boolean {
  return isBelow(decision.mode, before.mode) || (decision.mode === 'Transcode' && before.mode !== 'Transcode');
}

describe('whatever the audience does', () => {
  test('there is at most one delayed change per window', () => {
    fc.assert(
      fc.property(visits, specs, (audience, spec) => {
        const changes = play(audience, { ...spec, minimumMode: 'Idle' }).filter(isDelayed);
        for (const [index, change] of changes.entries()) {
          const last = changes[index - 1];
          if (last !== undefined)
            expect(change.atSeconds - last.atSeconds).toBeGreaterThanOrEqual(spec.hysteresisSeconds);
        }
      }),
    );
  });

  test('viewers that are lost are noticed without any further event', () => {
    fc.assert(
      fc.property(visits, specs, (audience, spec) => {
        const last = play(audience, spec).at(-1);
        expect(last?.decision.mode).toBe(spec.minimumMode);
        expect(last?.decision.pending).toBeNull();
      }),
    );
  });

  test('the mode stays within minimum and maximum', () => {
    fc.assert(
      fc.property(visits, specs, (audience, spec) => {
        for (const { decision } of play(audience, spec)) {
          expect(rank(decision.mode)).toBeGreaterThanOrEqual(rank(spec.minimumMode));
          expect(rank(decision.mode)).toBeLessThanOrEqual(rank(spec.maximumMode));
        }
      }),
    );
  });

  test('an unknown or stale count never lowers the mode', () => {
    fc.assert(
      fc.property(visits, specs, fc.constantFrom('unknown', 'stale'), (audience, spec, state) => {
        for (const { decision, before } of play(audience, spec, state as 'unknown' | 'stale')) {
          expect(isBelow(decision.mode, before.mode)).toBe(false);
        }
      }),
    );
  });

  test('deciding again at the same time changes nothing', () => {
    const audience = fc.record({
      state: fc.constantFrom('known' as const, 'stale' as const, 'unknown' as const),
      viewers: fc.integer({ min: 0, max: 8 }),
      trusted: fc.integer({ min: 0, max: 8 }),
      alive: fc.integer({ min: 0, max: 8 }),
    });
    const obstacle = fc.option(fc.constant(OBSTACLE));
    const pending = fc.option(
      fc.record({ target: fc.constantFrom(...MODES), sinceMs: fc.integer({ min: 0, max: 60_000 }) }),
    );
    fc.assert(
      fc.property(
        specs,
        audience,
        obstacle,
        obstacle,
        fc.constantFrom(...MODES),
        pending,
        (spec, count, direct, transcode, mode, open) => {
          const obstacles = { direct, transcode };
          const input = {
            nowMs: 60_000,
            spec,
            audience: count,
            pins: [],
            obstacles,
            previous: { mode, sinceMs: 0, pending: open },
          };
          const once = decide(input);
          const twice = decide({ ...input, previous: once });
          expect([twice.mode, twice.sinceMs, twice.pending]).toEqual([once.mode, once.sinceMs, once.pending]);
        },
      ),
    );
  });

  test('a burst of ten viewers within one second does not transcode', () => {
    const burst = Array.from({ length: 10 }, (): Visit => ({ fromSeconds: 5, untilSeconds: 6 }));
    const modes = play(burst, SPEC).map(({ decision }) => decision.mode);
    expect(modes).toContain('Proxy');
    expect(modes).not.toContain('Transcode');
  });

  test('ten ids that asked once and are counted until they expire do not transcode', () => {
    const stillCounted = inputOf({
      viewers: 10,
      alive: 0,
      mode: 'Proxy',
      spec: { hysteresisSeconds: 5 },
      pending: { target: 'Transcode', sinceMs: 1_000_000 - 9000 },
    });
    expect(decide(stillCounted).mode).toBe('Proxy');
  });
});
