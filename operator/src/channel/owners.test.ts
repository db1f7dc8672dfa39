import { describe, expect, test } from '@jest/globals';
import { TERMS_PER_BLOCK } from '@sluice/common/link/messages.ts';
import type { EdgeEndpoint } from '../link/endpoints.ts';
import { firstOwnerTerm, type Ownership, ownersOf, rankEdges } from './owners.ts';

const TERM = 1_700_000_000;

function edge(podUid: string, changes: Partial<EdgeEndpoint> = {}): EdgeEndpoint {
  const addresses = { internalAddress: `10.0.0.1:8081`, linkAddress: '10.0.0.1:8443' };
  return { podName: `edge-${podUid}`, podUid, ...addresses, ready: true, terminating: false, ...changes };
}

const EDGES = ['a', 'b', 'c', 'd', 'e'].map((uid) => edge(uid));
const uids = (ownership: Ownership): string[] => ownership.owners.map(({ podUid }) => podUid);

describe('the owners of a channel', () => {
  test('are three edges, the same for everybody who asks', () => {
    const ownership = ownersOf('channel', EDGES, null, TERM);
    expect(ownership.owners).toHaveLength(3);
    expect(ownership.term).toBe(firstOwnerTerm(TERM));
    expect(uids(ownersOf('channel', [...EDGES].reverse(), null, TERM))).toEqual(uids(ownership));
  });

  test('are spread evenly', () => {
    const counts = new Map<string, number>();
    for (let index = 0; index < 1000; index += 1) {
      const first = rankEdges(`channel-${index}`, EDGES)[0]?.podUid ?? '';
      counts.set(first, (counts.get(first) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(Math.abs(count - 200)).toBeLessThan(60);
    expect(counts.size).toBe(5);
  });

  test('stay when an edge comes that the hash would prefer', () => {
    const preferred = rankEdges('channel', EDGES)[0]?.podUid;
    const before = ownersOf(
      'channel',
      EDGES.filter(({ podUid }) => podUid !== preferred),
      null,
      TERM,
    );
    const after = ownersOf('channel', EDGES, before, TERM);
    expect(after.owners[0]).toEqual(before.owners[0]);
    expect(after.term).toBe(before.term);
  });

  test('change with a higher term when the owner stops being ready, its successor first', () => {
    const before = ownersOf('channel', EDGES, null, TERM);
    const edges = EDGES.map((each) => (each.podUid === uids(before)[0] ? { ...each, ready: false } : each));
    const after = ownersOf('channel', edges, before, TERM);
    expect(uids(after)[0]).toBe(uids(before)[1]);
    expect(after.term).toBe(before.term + TERMS_PER_BLOCK);
  });

  test('stay under the next leader, who knows the last one by name, with a higher term', () => {
    const preferred = ownersOf('channel', EDGES, null, TERM).owners[0];
    const former = EDGES.find(({ podUid }) => podUid !== preferred?.podUid);
    const after = ownersOf('channel', EDGES, null, TERM, former?.podName);
    expect(uids(after)[0]).toBe(former?.podUid);
    expect(after.term).toBe(firstOwnerTerm(TERM));
    const again = ownersOf('channel', EDGES, { owners: [], term: 0 }, TERM, former?.podName);
    expect(again).toEqual(after);
    expect(uids(ownersOf('channel', EDGES, null, TERM, 'edge-gone'))[0]).toBe(preferred?.podUid);
  });

  test('get from the next leader a term above all that this one could give', () => {
    const before = { ...ownersOf('channel', EDGES, null, TERM), term: firstOwnerTerm(TERM) + 999_999 };
    const after = ownersOf('channel', EDGES, null, TERM + 1);
    expect(after.term).toBeGreaterThan(before.term);
    expect(Number.isSafeInteger(after.term)).toBe(true);
  });

  test('pass on before a terminating edge ends', () => {
    const before = ownersOf('channel', EDGES, null, TERM);
    const edges = EDGES.map((each) => (each.podUid === uids(before)[0] ? { ...each, terminating: true } : each));
    expect(uids(ownersOf('channel', edges, before, TERM))).not.toContain(uids(before)[0]);
  });

  test('are not chosen anew among the very same edges', () => {
    const before = ownersOf('channel', EDGES, null, TERM);
    expect(ownersOf('channel', EDGES, before, TERM)).toBe(before);
    expect(ownersOf('channel', [...EDGES], before, TERM)).toMatchObject({ owners: before.owners, term: before.term });
  });

  test('stay while no edge is ready', () => {
    const before = ownersOf('channel', EDGES, null, TERM);
    expect(ownersOf('channel', [], before, TERM)).toBe(before);
    expect(ownersOf('channel', [], null, TERM)).toEqual({ owners: [], term: 0 });
  });
});
