import { describe, expect, test } from '@jest/globals';
import { CountingRun } from './run.ts';

describe('the count over all edges, by the real register, messages, book and decision', () => {
  test.each([
    { seed: 1, edges: 2 },
    { seed: 2, edges: 3 },
    { seed: 3, edges: 5 },
  ])('is exact at rest and one viewer off at most in motion, whatever fails ($edges edges, seed $seed)', (options) => {
    const run = new CountingRun({ ...options, habits: { meanStaySeconds: 20 } });
    run.audience.flow(1);
    run.disturb(60, 8);
    expect(run.errors().worst.viewers).toBeLessThanOrEqual(1);
    const { state, viewers, counted, watching } = run.rest();
    expect({ state, viewers, counted }).toEqual({ state: 'known', viewers: watching, counted: watching });
    expect(watching).toBeGreaterThan(3);
  });

  test('takes no mode away that the truth does not take away, while edges, links and operators fail', () => {
    let demotions = 0;
    for (const seed of [1, 2, 3]) {
      const spec = { proxyThreshold: 6, transcodeThreshold: 10, hysteresisSeconds: 4 };
      const run = new CountingRun({ seed, edges: 3, habits: { meanStaySeconds: 8 }, spec });
      for (const perSecond of [1.5, 0.2, 1.5, 0.1, 1, 0]) {
        run.audience.flow(perSecond);
        run.disturb(60, 90);
      }
      expect(run.wrongDemotions).toEqual([]);
      demotions += run.demotions;
    }
    expect(demotions).toBeGreaterThan(3);
  });

  test('is whole within a second of the links, once the operator is started again', () => {
    const run = new CountingRun({ seed: 4, edges: 5, habits: { meanStaySeconds: 1_000 } });
    run.audience.join(40, 1_000);
    run.play(20);
    run.network.restartOperator(3_000);
    run.play(2.9);
    expect(run.now().state).toBe('unknown');
    run.play(1.1);
    const { state, viewers, watching } = run.now();
    expect({ state, viewers }).toEqual({ state: 'known', viewers: watching });
  });

  test('keeps the viewers of an edge that is gone for the time-out, and the mode with them', () => {
    const run = new CountingRun({ seed: 5, edges: 2, habits: { roaming: 0, page: 1, crash: 1, secondTab: 0 } });
    run.audience.join(20, 1_000);
    run.audience.rest();
    run.play(20);
    const [first = ''] = run.network.podUids;
    const before = run.network.operator?.decision.mode;
    run.audience.vanish();
    run.network.removePod(first);
    run.play(55);
    expect(run.now()).toMatchObject({ state: 'stale', watching: 0 });
    expect(run.now().viewers).toBeGreaterThan(0);
    expect(run.network.operator?.decision.mode).toBe(before);
    run.play(40);
    expect(run.now()).toMatchObject({ state: 'known', viewers: 0 });
    expect(run.network.operator?.decision.mode).toBe('Idle');
  });

  test('is stale while an edge is cut off, and lowers nothing', () => {
    const run = new CountingRun({ seed: 6, edges: 3, habits: { meanStaySeconds: 1_000 } });
    run.audience.join(20, 1_000);
    run.play(20);
    const [first = ''] = run.network.podUids;
    run.network.cut(first, 100_000);
    run.audience.depart(1);
    run.play(99);
    expect(run.now()).toMatchObject({ state: 'stale', watching: 0 });
    expect(run.demotions).toBe(0);
    run.play(30);
    expect(run.now()).toMatchObject({ state: 'known', viewers: 0 });
    expect(run.demotions).toBeGreaterThan(0);
  });

  test('keeps a limit over all edges and harms nobody, while sidecars, pods and operators fail', () => {
    // Who is loaded again, or has another tab, keeps the seat even if somebody else has it by now.
    const habits = { meanStaySeconds: 20, reload: 0, secondTab: 0 };
    const run = new CountingRun({ seed: 7, edges: 3, habits, maxViewers: 12 });
    run.audience.join(30, 500);
    run.audience.flow(1);
    run.audience.programs(4);
    run.play(30);
    expect(run.mostCounted()).toBe(12);
    expect(run.refusals).toEqual({ turnedAway: expect.any(Number), harmed: 0 });
    expect(run.refusals.turnedAway).toBeGreaterThan(10);
    run.disturb(60, 8, ['crash', 'replace', 'operator']);
    expect(run.refusals.harmed).toBe(0);
    // Without the operator each edge has only its own count to go by.
    expect(run.mostCounted()).toBeLessThanOrEqual(12 + 6);
    const { state, viewers, counted } = run.rest();
    expect({ state, viewers }).toEqual({ state: 'known', viewers: counted });
  });

  test.each([
    { name: 'a channel', seed: 8 },
    { name: 'a channel with a limit', seed: 9, maxViewers: 1_000 },
  ])('lets go within a second who came to one edge of $name and said goodbye at another at once', (options) => {
    const habits = { page: 1, crash: 0, reload: 0, secondTab: 0, roaming: 1, meanStaySeconds: 0.2 };
    const run = new CountingRun({ edges: 3, habits, ...options });
    run.audience.flow(20);
    run.play(20);
    expect(run.mostCounted()).toBeGreaterThan(1);
    run.audience.flow(0);
    run.audience.depart(1);
    run.play(1);
    expect(run.now()).toMatchObject({ state: 'known', viewers: 0, watching: 0 });
  });
});
