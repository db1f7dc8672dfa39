import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { EdgeMessage } from '@sluice/common/link/messages.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { reportOf, routeOf } from '../testing/channels.ts';
import { Audiences } from '../viewers/audiences.ts';
import { sessionIdHash } from '../viewers/session-id.ts';
import type { Peer } from './peer.ts';
import { Uplink } from './uplink.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function create(route: Route = routeOf()) {
  const audiences = new Audiences({
    now: () => Date.now(),
    targetDurationSeconds: () => 2,
    wholeCount: () => null,
    mintedAgeMs: () => null,
    isServed: () => true,
  });
  const uplink = new Uplink({ audiences, routes: () => [route], reports: () => [reportOf()] });
  audiences.onChange((uid, hash) => uplink.viewerChanged(uid, hash));
  audiences.onLeave((uid, hash) => uplink.viewerLeft(uid, hash));
  const sent: EdgeMessage[] = [];
  const peer = { busy: false, closed: '', send: (message: EdgeMessage) => sent.push(message), close: () => {} };
  return { audiences, uplink, sent, peer, connect: () => uplink.connect(peer as unknown as Peer), route };
}

const change = (joined: string[], left: string[], trusted = false) => ({
  type: 'viewers',
  uid: 'uid-film',
  snapshot: false,
  joined: joined.map((id) => ({ id: sessionIdHash(id), trusted })),
  left: left.map(sessionIdHash),
});

const goodbye = (...ids: string[]) => goodbyeOf(0, ...ids);
/** As it is told when it waited for a bundle. */
const bundled = (...ids: string[]) => goodbyeOf(0.1, ...ids);
const goodbyeOf = (secondsAgo: number, ...ids: string[]) => ({
  type: 'leave',
  uid: 'uid-film',
  ids: ids.map(sessionIdHash),
  secondsAgo,
});

describe('Uplink', () => {
  test('begins with everybody, the reports, and synced', () => {
    const { audiences, sent, connect, route } = create();
    audiences.heartbeat(route, 'anna');
    connect();
    expect(sent).toEqual([
      { ...change(['anna'], []), snapshot: true },
      { type: 'report', report: reportOf() },
      { type: 'synced' },
    ]);
  });

  test('says that the edge leaves, at once and to every operator that comes', () => {
    const { uplink, sent, connect } = create();
    connect();
    sent.length = 0;
    uplink.leave();
    expect(sent).toEqual([{ type: 'leaving' }]);
    sent.length = 0;
    connect();
    expect(sent.map(({ type }) => type)).toEqual(['leaving', 'viewers', 'report', 'synced']);
  });

  test('tells of a new position every ten seconds, of everything else at once', () => {
    const { uplink, sent, connect } = create();
    connect();
    sent.length = 0;
    const { lastMsn } = reportOf();
    for (let second = 1; second <= 12; second += 1) {
      jest.advanceTimersByTime(1000);
      uplink.report({ ...reportOf(), lastMsn: lastMsn + second });
    }
    uplink.report({ ...reportOf(), lastMsn: lastMsn + 13, epoch: 2 });
    const positions = sent.map((message) => message.type === 'report' && message.report.lastMsn - lastMsn);
    expect(positions).toEqual([10, 13]);
  });

  test('tells of the first change at once and bundles what follows', () => {
    const { audiences, sent, connect, route } = create();
    connect();
    sent.length = 0;
    audiences.heartbeat(route, 'anna');
    expect(sent).toEqual([change(['anna'], [])]);
    audiences.heartbeat(route, 'bert');
    audiences.heartbeat(route, 'carl');
    audiences.leave(route, 'bert');
    audiences.leave(route, 'anna');
    expect(sent).toHaveLength(1);
    jest.advanceTimersByTime(100);
    expect(sent.slice(1)).toEqual([
      { ...change(['carl'], []), left: [sessionIdHash('bert'), sessionIdHash('anna')] },
      bundled('bert', 'anna'),
    ]);
  });

  test('holds changes back while the operator is slow, and then says how things are', () => {
    const { audiences, sent, connect, peer, route } = create();
    connect();
    sent.length = 0;
    peer.busy = true;
    audiences.heartbeat(route, 'anna');
    jest.advanceTimersByTime(1_000);
    audiences.leave(route, 'anna');
    expect(sent).toEqual([]);
    peer.busy = false;
    jest.advanceTimersByTime(100);
    expect(sent).toEqual([change([], ['anna']), bundled('anna')]);
  });

  test('tells of a goodbye, also of a viewer who is counted elsewhere, after the change that it brings', () => {
    const { audiences, sent, connect, route } = create();
    connect();
    audiences.heartbeat(route, 'anna');
    jest.advanceTimersByTime(100);
    sent.length = 0;
    audiences.leave(route, 'anna');
    audiences.leave(route, 'bert');
    jest.advanceTimersByTime(100);
    expect(sent).toEqual([change([], ['anna']), bundled('anna', 'bert')]);
  });

  test('keeps goodbyes for an operator that is away, with their age', () => {
    const { audiences, sent, connect, route } = create();
    audiences.leave(route, 'long-gone');
    jest.advanceTimersByTime(120_001);
    audiences.leave(route, 'anna');
    jest.advanceTimersByTime(5_500);
    audiences.leave(route, 'bert');
    connect();
    expect(sent.slice(-3)).toEqual([{ type: 'synced' }, goodbyeOf(5.5, 'anna'), goodbye('bert')]);
  });

  test('tells goodbyes again to the next operator, in case they were lost with the last one, for half a minute', () => {
    const { audiences, uplink, sent, connect, route } = create();
    connect();
    audiences.leave(route, 'long-told');
    jest.advanceTimersByTime(29_000);
    audiences.leave(route, 'anna');
    jest.advanceTimersByTime(1_250);
    uplink.disconnect();
    sent.length = 0;
    connect();
    expect(sent.filter(({ type }) => type === 'leave')).toEqual([goodbyeOf(1.25, 'anna')]);
    sent.length = 0;
    audiences.leave(route, 'bert');
    jest.advanceTimersByTime(100);
    expect(sent).toEqual([goodbye('bert')]);
  });

  test('reports signs of life every two seconds while the route asks', () => {
    const { audiences, sent, connect, route } = create(routeOf({ reportSigns: true }));
    audiences.heartbeat(route, 'early');
    connect();
    sent.length = 0;
    audiences.heartbeat(route, 'anna');
    audiences.heartbeat(route, 'anna');
    jest.advanceTimersByTime(4_000);
    expect(sent.filter(({ type }) => type === 'signs')).toEqual([
      { type: 'signs', uid: 'uid-film', ids: [sessionIdHash('anna')] },
    ]);
  });

  test('keeps one source error per channel for an operator that is away, without control characters and cut', () => {
    const { uplink, sent, connect } = create();
    uplink.sourceError('uid-film', 'first');
    uplink.sourceError('uid-film', `no\nanswer${'x'.repeat(600)}`);
    uplink.sourceError('uid-gone', 'late');
    uplink.forget('uid-gone');
    connect();
    expect(sent.filter(({ type }) => type === 'sourceError')).toEqual([
      { type: 'sourceError', uid: 'uid-film', message: `no answer${'x'.repeat(491)}` },
    ]);
  });

  test('says nothing after the connection ended', () => {
    const { audiences, uplink, sent, connect, route } = create();
    connect();
    uplink.disconnect();
    sent.length = 0;
    audiences.heartbeat(route, 'anna');
    uplink.report(reportOf());
    jest.advanceTimersByTime(10_000);
    expect(sent).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
