import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { inputOf, OBSTACLE, SPEC } from '../testing/decision-input.ts';
import { decide } from './decide.ts';
import {
  aliveSinceMs,
  type Decision,
  type DecisionInput,
  type DeliverySpec,
  type PreviousDecision,
} from './decision.ts';
import { isBelow, MODES, rank } from './mode.ts';

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
