import { describe, expect, test } from '@jest/globals';
import { routeOf } from '../testing/channels.ts';
import { Audiences } from './audiences.ts';
import { sessionIdHash } from './session-id.ts';

function create(change: { targetDuration?: number | null; whole?: number | null; mintedAgeMs?: number | null } = {}) {
  const { targetDuration = null, whole = null } = change;
  const state = { now: 0, targetDuration, whole, gone: new Set<string>() };
  const audiences = new Audiences({
    now: () => state.now,
    targetDurationSeconds: () => state.targetDuration,
    wholeCount: () => state.whole,
    mintedAgeMs: () => change.mintedAgeMs ?? null,
    isServed: (uid) => !state.gone.has(uid),
  });
  return { audiences, state };
}

describe('Audiences', () => {
  test.each([
    [null, 10_000],
    [2, 10_000],
    [6, 18_000],
  ])('with target duration %p a viewer goes %d ms after the last playlist', (targetDuration, lifetimeMs) => {
    const { audiences, state } = create({ targetDuration });
    audiences.playlistRequest(routeOf(), 'anna');
    state.now = lifetimeMs - 1;
    audiences.sweep();
    expect(audiences.local('uid-film').count).toBe(1);
    state.now = lifetimeMs;
    audiences.sweep();
    expect(audiences.local('uid-film')).toEqual({ count: 0, peak: 1, approximate: false });
  });

  test('a viewer goes five seconds after the time-out of its heartbeat, also when the time-out changes', () => {
    const { audiences, state } = create();
    audiences.heartbeat(routeOf({ timeoutSeconds: 60 }), 'anna');
    state.now = 30_000;
    audiences.sweep();
    expect(audiences.local('uid-film').count).toBe(1);
    audiences.applyRoute(routeOf({ timeoutSeconds: 25 }));
    audiences.sweep();
    expect(audiences.local('uid-film').count).toBe(0);
  });

  test('counts no sign of life that waited for an answer while its viewer said goodbye, here or elsewhere', () => {
    const { audiences, state } = create();
    const route = routeOf({ maxViewers: 2 });
    const count = () => audiences.local('uid-film').count;
    state.now = 1_000;
    audiences.leave(route, 'anna');
    state.now = 1_010;
    expect(audiences.heartbeat(route, 'anna', 20)).toBe('waiting');
    expect(audiences.playlistRequest(route, 'anna', 20)).toBe('waiting');
    expect(count()).toBe(0);
    expect(audiences.heartbeat(route, 'anna', 5)).toBe('counted'); // has come again
    expect(audiences.heartbeat(route, 'bert', 20)).toBe('counted');
    audiences.leftElsewhere('uid-film', ['anna', 'bert'].map(sessionIdHash), 0.01);
    expect(count()).toBe(1);
  });

  test('tells its listeners of joins, changed trust and leaves with the count', () => {
    const { audiences, state } = create();
    const heard: [string, number][] = [];
    const stop = audiences.onChange((uid, _hash, count) => heard.push([uid, count]));
    audiences.heartbeat(routeOf(), 'anna');
    audiences.playlistRequest(routeOf(), 'anna');
    audiences.heartbeat(routeOf(), 'bert');
    audiences.leave(routeOf(), 'anna');
    state.now = 65_000;
    audiences.sweep();
    stop();
    audiences.heartbeat(routeOf(), 'anna');
    expect(heard.map(([, count]) => count)).toEqual([1, 1, 2, 1, 0]);
  });

  test('forgets a viewer who said goodbye at another edge, by the hash of the id', () => {
    const { audiences } = create();
    audiences.heartbeat(routeOf(), 'anna');
    audiences.playlistRequest(routeOf(), 'bert');
    audiences.leftElsewhere('uid-film', [sessionIdHash('anna'), sessionIdHash('nobody')], 0);
    audiences.leftElsewhere('uid-unknown', [sessionIdHash('bert')], 0);
    expect(audiences.local('uid-film').count).toBe(1);
  });

  test('heeds no goodbye that is older than the last sign of life', () => {
    const { audiences, state } = create();
    audiences.heartbeat(routeOf(), 'anna');
    state.now = 5_000;
    audiences.leftElsewhere('uid-film', [sessionIdHash('anna')], 6);
    expect(audiences.local('uid-film').count).toBe(1);
    audiences.leftElsewhere('uid-film', [sessionIdHash('anna')], 4);
    expect(audiences.local('uid-film').count).toBe(0);
  });

  test.each([
    ['just minted', 0, 'waiting'],
    ['minted less than half a target duration ago', 999, 'waiting'],
    ['minted half a target duration ago, so that another edge had the first request', 1_000, 'counted'],
    ["the client's own", null, 'counted'],
  ])('with an id that is %s the first playlist request is %s', (_what, ageMs, outcome) => {
    const { audiences } = create({ targetDuration: 2, mintedAgeMs: ageMs });
    expect(audiences.playlistRequest(routeOf(), 'anna')).toBe(outcome);
  });

  test('refuses new ids of a full channel, by whichever count is higher, and nobody who is counted', () => {
    const { audiences, state } = create();
    const route = routeOf({ maxViewers: 2 });
    const refusal = expect.objectContaining({ code: 'STREAM_LIMIT_EXCEEDED', status: 429, retryAfterSeconds: 10 });
    audiences.playlistRequest(route, 'anna');
    audiences.heartbeat(route, 'bert');
    expect(() => audiences.playlistRequest(route, 'carl')).toThrow(refusal);
    expect(() => audiences.heartbeat(route, 'carl')).toThrow(refusal);
    expect(() => audiences.admit(route, null)).toThrow(refusal);
    audiences.playlistRequest(route, 'bert');
    audiences.admit(route, 'anna');
    audiences.leave(route, 'anna');
    audiences.admit(route, 'carl');
    state.whole = 2;
    expect(() => audiences.admit(route, 'carl')).toThrow(refusal);
    // A sign of life may come from a viewer whom another edge counts.
    expect(audiences.heartbeat(route, 'carl')).toBe('counted');
  });

  test('lets in whoever comes once the time of the others is over', () => {
    const { audiences, state } = create();
    const route = routeOf({ maxViewers: 1 });
    audiences.playlistRequest(route, 'anna');
    state.now = 10_000;
    expect(audiences.playlistRequest(route, 'bert')).toBe('counted');
  });

  test('begins with nobody when a channel is made again, and frees the memory of the old one', () => {
    const { audiences } = create();
    audiences.heartbeat(routeOf(), 'anna');
    expect(audiences.rememberedIds).toBe(1);
    audiences.removeRoute('uid-film');
    expect(audiences.rememberedIds).toBe(0);
    expect(audiences.local('uid-film')).toEqual({ count: 0, peak: 0, approximate: false });
  });

  test('remembers nobody of a channel that went while the request waited', () => {
    const { audiences, state } = create();
    const unknown = expect.objectContaining({ code: 'CHANNEL_UNKNOWN', status: 404 });
    audiences.heartbeat(routeOf(), 'anna');
    state.gone.add('uid-film');
    audiences.removeRoute('uid-film');
    expect(() => audiences.heartbeat(routeOf(), 'anna')).toThrow(unknown);
    expect(() => audiences.playlistRequest(routeOf(), 'anna')).toThrow(unknown);
    expect(audiences.rememberedIds).toBe(0);
    expect(audiences.local('uid-film').count).toBe(0);
  });

  test('collects signs of life exactly while the route asks for them', () => {
    const { audiences } = create();
    audiences.heartbeat(routeOf({ reportSigns: true }), 'anna');
    expect(audiences.takeSigns('uid-film')).toHaveLength(1);
    audiences.applyRoute(routeOf({ reportSigns: false }));
    audiences.heartbeat(routeOf(), 'anna');
    expect(audiences.takeSigns('uid-film')).toEqual([]);
    audiences.applyRoute(routeOf({ reportSigns: true }));
    audiences.heartbeat(routeOf(), 'anna');
    expect(audiences.takeSigns('uid-film')).toHaveLength(1);
  });
});
