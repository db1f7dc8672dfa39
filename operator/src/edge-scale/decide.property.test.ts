import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decideScale, type ScaleMemory } from './decide.ts';
import { NOW_MS, scaleInput } from './scale-input.testing.ts';
import type { EdgeScaleSettings } from './settings.ts';
import type { PodLoad } from './usage.ts';

const settings: fc.Arbitrary<EdgeScaleSettings> = fc
  .record({
    minReplicas: fc.integer({ min: 1, max: 8 }),
    more: fc.integer({ min: 0, max: 20 }),
    viewers: fc.option(fc.double({ min: 0.1, max: 5000, noNaN: true }), { nil: undefined }),
    egress: fc.double({ min: 1, max: 1e10, noNaN: true }),
    tolerance: fc.double({ min: 0, max: 0.5, noNaN: true }),
    scaleDownStabilizationSeconds: fc.integer({ min: 0, max: 600 }),
  })
  .map(({ minReplicas, more, viewers, egress, ...rest }) => ({
    ...rest,
    deployment: 'sluice-edge',
    minReplicas,
    maxReplicas: minReplicas + more,
    targets: { egressBitsPerSecond: egress, ...(viewers === undefined ? {} : { viewers }) },
  }));

/** Egress of a pod, as a multiple of its target; null: not known. */
const share = fc.option(fc.double({ min: 0, max: 20, noNaN: true }), { nil: null });
const memory: fc.Arbitrary<ScaleMemory> = fc.record({
  lowSinceMs: fc.option(fc.integer({ min: 0, max: NOW_MS }), { nil: null }),
});
const state = fc.record({
  settings,
  memory,
  replicas: fc.integer({ min: 1, max: 40 }),
  readyPods: fc.integer({ min: 0, max: 40 }),
  viewers: fc.integer({ min: 0, max: 100_000 }),
  shares: fc.array(share, { maxLength: 8 }),
});

const loadsOf = (shares: readonly (number | null)[], { targets }: EdgeScaleSettings): readonly (PodLoad | null)[] =>
  shares.map((part) =>
    part === null ? null : { egressBitsPerSecond: part * (targets.egressBitsPerSecond ?? 0), requestsPerSecond: 0 },
  );

/** A run: what the pods carry at each look, as multiples of the target of one, and how long it is until the next. */
const run = fc.record({
  settings,
  replicas: fc.integer({ min: 1, max: 28 }),
  looks: fc.array(fc.record({ total: share, afterSeconds: fc.integer({ min: 1, max: 120 }) }), { maxLength: 60 }),
});

interface Step {
  readonly atMs: number;
  /** What the pods carried, as a multiple of the target of one; null: not known. */
  readonly total: number | null;
  readonly before: number;
  readonly after: number;
}

/** Plays loads against the decision, as the controller does with pods that come and go at once. */
function play({ settings: given, replicas, looks }: typeof run extends fc.Arbitrary<infer T> ? T : never): Step[] {
  const steps: Step[] = [];
  let current = replicas;
  let known: ScaleMemory = { lowSinceMs: null };
  let nowMs = 0;
  for (const { total, afterSeconds } of looks) {
    nowMs += afterSeconds * 1000;
    // In two pods: how it is spread does not matter.
    const loads = loadsOf(total === null ? [0, null] : [total / 3, (2 * total) / 3], given);
    const decided = decideScale(
      scaleInput({ settings: given, replicas: current, readyPods: current, nowMs, loads, memory: known }),
    );
    steps.push({ atMs: nowMs, total, before: current, after: decided.replicas });
    current = decided.replicas;
    known = decided.memory;
  }
  return steps;
}

describe('the number of edge pods', () => {
  test('is always within its bounds', () => {
    fc.assert(
      fc.property(state, ({ shares, ...given }) => {
        const { replicas } = decideScale(scaleInput({ ...given, loads: loadsOf(shares, given.settings) }));
        expect(replicas).toBeGreaterThanOrEqual(given.settings.minReplicas);
        expect(replicas).toBeLessThanOrEqual(given.settings.maxReplicas);
        expect(Number.isInteger(replicas)).toBe(true);
      }),
    );
  });

  test('is never less for more load', () => {
    fc.assert(
      fc.property(
        state,
        fc.integer({ min: 0, max: 10_000 }),
        fc.double({ min: 1, max: 5, noNaN: true }),
        (one, more, factor) => {
          const { shares, ...given } = one;
          const decide = (viewers: number, parts: readonly (number | null)[]) =>
            decideScale(scaleInput({ ...given, viewers, loads: loadsOf(parts, given.settings) })).replicas;
          const grown = shares.map((part) => (part === null ? null : part * factor));
          expect(decide(given.viewers + more, grown)).toBeGreaterThanOrEqual(decide(given.viewers, shares));
        },
      ),
    );
  });

  test('never goes down within its bounds while a pod has not reported', () => {
    fc.assert(
      fc.property(state, ({ shares, ...given }) => {
        const loads = loadsOf([...shares, null], given.settings);
        const { replicas } = decideScale(scaleInput({ ...given, loads }));
        expect(replicas).toBeGreaterThanOrEqual(Math.min(given.replicas, given.settings.maxReplicas));
      }),
    );
  });

  test('goes down by one pod at most in any window, and not within one after going up', () => {
    fc.assert(
      fc.property(run, (given) => {
        const { maxReplicas, scaleDownStabilizationSeconds } = given.settings;
        let changedAtMs = 0;
        for (const { atMs, before, after } of play(given)) {
          if (before <= maxReplicas && after < before) {
            expect(before - after).toBe(1);
            expect(atMs - changedAtMs).toBeGreaterThanOrEqual(scaleDownStabilizationSeconds * 1000);
          }
          if (after !== before) changedAtMs = atMs;
        }
      }),
    );
  });

  test('goes down only after a whole window in which one pod less would have been enough at every look', () => {
    fc.assert(
      fc.property(run, (given) => {
        const { maxReplicas, tolerance, scaleDownStabilizationSeconds, targets } = given.settings;
        const { egressBitsPerSecond: target = 0 } = targets;
        const steps = play(given);
        for (const { atMs, before, after } of steps) {
          if (before > maxReplicas || after >= before) continue;
          const window = steps.filter(
            (each) => each.atMs > atMs - scaleDownStabilizationSeconds * 1000 && each.atMs <= atMs,
          );
          for (const { total } of window) {
            expect((total ?? Number.NaN) * target).toBeLessThanOrEqual(
              target * (before - 1) * (1 - tolerance) * (1 + 1e-9),
            );
          }
        }
      }),
    );
  });

  test('changes its direction at most once under a constant load, and comes to rest', () => {
    fc.assert(
      fc.property(
        settings,
        fc.integer({ min: 1, max: 28 }),
        fc.double({ min: 0, max: 30, noNaN: true }),
        (chosen, replicas, total) => {
          const looks = Array.from({ length: 40 }, () => ({ total, afterSeconds: 601 }));
          const steps = play({ settings: chosen, replicas, looks }).filter(({ before, after }) => before !== after);
          const ups = steps.filter(({ before, after }) => after > before);
          // Whatever brought it below the minimum or above the maximum is corrected first, and then followed by the load.
          expect(ups.length).toBeLessThanOrEqual(1);
          if (ups.length === 1) expect(steps.indexOf(ups[0] as Step)).toBe(steps.length - 1);
          expect(steps.length).toBeLessThan(40);
        },
      ),
    );
  });
});
