import { expect, test } from '@jest/globals';
import { AudienceBook } from '../audience/book.ts';
import type { ChannelState } from '../channel/state.ts';
import { OwnerReports } from '../link/reports.ts';
import { reportFixture } from '../testing/fixtures.ts';
import { dutiesOf } from './duties.ts';

const EDGES = ['a', 'b', 'c'].map((podUid) => ({ podUid, podName: `edge-${podUid}` }));
const idOf = (number: number): string => number.toString(16).padStart(16, '0');

test('an edge has the viewers who come to it, and those of all edges of the channels that it owns', () => {
  const book = new AudienceBook({ now: () => 0, onChange: () => {}, onEdgeChange: () => {} });
  for (const { podUid } of EDGES) {
    book.edgeSeen(podUid, true);
    book.edgeConnected(podUid);
    book.edgeSynced(podUid);
  }
  const reports = new OwnerReports();
  const owners: Readonly<Record<string, string>> = { film: 'a', quiet: 'b', moved: 'a' };
  for (const uid of Object.keys(owners)) book.follow({ uid, timeoutSeconds: 60, peak: 0 });
  const watch = (edge: string, uid: string, ids: readonly number[]) =>
    book.viewers(edge, { uid, snapshot: false, joined: ids.map((id) => ({ id: idOf(id), trusted: true })), left: [] });
  watch('a', 'film', [1, 2]);
  watch('c', 'film', [2, 3]);
  watch('c', 'moved', [4]);
  // A successor has taken over, and the operator has not named it yet.
  reports.take('b', reportFixture({ uid: 'moved' }));
  const states = Object.keys(owners).map((uid) => [uid, { uid } as ChannelState] as const);
  const hub = {
    route: (uid: string) => ({ owners: [{ podUid: owners[uid] ?? '', podName: '', address: '' }] }) as never,
  };
  expect(dutiesOf(EDGES, { states: { entries: () => states }, book, reports, hub })).toEqual([
    { podUid: 'a', podName: 'edge-a', ownedViewers: 4, viewers: 2 },
    { podUid: 'b', podName: 'edge-b', ownedViewers: 1, viewers: 0 },
    { podUid: 'c', podName: 'edge-c', ownedViewers: 0, viewers: 3 },
  ]);
});
