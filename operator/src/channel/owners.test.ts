import { describe, expect, test } from '@jest/globals';
import { TERMS_PER_BLOCK } from '@sluice/common/link/route.ts';
import type { EdgeEndpoint } from '../link/endpoints.ts';
import { firstOwnerTerm, type OwnerClaim, type Ownership, ownersOf, rankEdges } from './owners.ts';

const TERM = 1_700_000_000;

function edge(podUid: string, changes: Partial<EdgeEndpoint> = {}): EdgeEndpoint {
  const addresses = { internalAddress: `10.0.0.1:8081`, linkAddress: '10.0.0.1:8443' };
  return { podName: `edge-${podUid}`, podUid, ...addresses, ready: true, terminating: false, ...changes };
}

const EDGES = ['a', 'b', 'c', 'd', 'e'].map((uid) => edge(uid));

/** The owners of one channel among these edges. */
function choose(
  edges: readonly EdgeEndpoint[],
  previous: Ownership | null,
  { leaderTerm = TERM, formerOwner = '', claim = null }: Chosen = {},
): Ownership {
  return ownersOf('channel', edges, { previous, claim, formerOwner }, leaderTerm);
}

interface Chosen {
  readonly leaderTerm?: number;
  readonly formerOwner?: string;
  readonly claim?: OwnerClaim | null;
}

const uids = (ownership: Ownership): string[] => ownership.owners.map(({ podUid }) => podUid);

describe('the owners of a channel', () => {
  test('are three edges, the same for everybody who asks', () => {
    const ownership = choose(EDGES, null);
    expect(ownership.owners).toHaveLength(3);
    expect(ownership.term).toBe(firstOwnerTerm(TERM));
    expect(uids(choose([...EDGES].reverse(), null))).toEqual(uids(ownership));
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
    const before = choose(
      EDGES.filter(({ podUid }) => podUid !== preferred),
      null,
    );
    const after = choose(EDGES, before);
    expect(after.owners[0]).toEqual(before.owners[0]);
    expect(after.term).toBe(before.term);
  });

  test('change with a higher term when the owner stops being ready, its successor first', () => {
    const before = choose(EDGES, null);
    const edges = EDGES.map((each) => (each.podUid === uids(before)[0] ? { ...each, ready: false } : each));
    const after = choose(edges, before);
    expect(uids(after)[0]).toBe(uids(before)[1]);
    expect(after.term).toBe(before.term + TERMS_PER_BLOCK);
  });

  test('stay under the next leader, who knows the last one by name, with a higher term', () => {
    const preferred = choose(EDGES, null).owners[0];
    const former = EDGES.find(({ podUid }) => podUid !== preferred?.podUid);
    const after = choose(EDGES, null, { formerOwner: former?.podName ?? '' });
    expect(uids(after)[0]).toBe(former?.podUid);
    expect(after.term).toBe(firstOwnerTerm(TERM));
    const again = choose(EDGES, { owners: [], term: 0 }, { formerOwner: former?.podName ?? '' });
    expect(again).toEqual(after);
    expect(uids(choose(EDGES, null, { formerOwner: 'edge-gone' }))[0]).toBe(preferred?.podUid);
  });

  test('get from the next leader a term above all that this one could give', () => {
    const before = { ...choose(EDGES, null), term: firstOwnerTerm(TERM) + 999_999 };
    const after = choose(EDGES, null, { leaderTerm: TERM + 1 });
    expect(after.term).toBeGreaterThan(before.term);
    expect(Number.isSafeInteger(after.term)).toBe(true);
  });

  test('pass on before a terminating edge ends', () => {
    const before = choose(EDGES, null);
    const edges = EDGES.map((each) => (each.podUid === uids(before)[0] ? { ...each, terminating: true } : each));
    expect(uids(choose(edges, before))).not.toContain(uids(before)[0]);
  });

  test('go on with the next of them when the owner leaves, whatever edge has come in the same moment', () => {
    const [first = '', second = ''] = rankEdges('channel', EDGES).map(({ podUid }) => podUid);
    const before = choose(
      EDGES.filter(({ podUid }) => podUid !== first),
      null,
    );
    expect(uids(before)[0]).toBe(second);
    const edges = EDGES.map((each) => (each.podUid === second ? { ...each, terminating: true } : each));
    expect(uids(choose(edges, before))[0]).toBe(uids(before)[1]);
  });

  test('accept a successor that has taken over, above its term', () => {
    const before = choose(EDGES, null);
    const [, successor = ''] = uids(before);
    const claim = { podUid: successor, term: before.term + 1 };
    const after = choose(EDGES, before, { claim });
    expect(uids(after)[0]).toBe(successor);
    expect(after.term).toBe(before.term + TERMS_PER_BLOCK);
    expect(choose(EDGES, after, { claim })).toBe(after);
    const gone = EDGES.filter(({ podUid }) => podUid !== successor);
    expect(uids(choose(gone, before, { claim }))[0]).toBe(uids(before)[0]);
    expect(choose(gone, before, { claim }).term).toBe(before.term + TERMS_PER_BLOCK);
  });

  test('accept it under the next leader too, before the pod that the status names', () => {
    const [owner, successor] = choose(EDGES, null).owners;
    const claim = { podUid: successor?.podUid ?? '', term: firstOwnerTerm(TERM) + 1 };
    const after = choose(EDGES, null, { leaderTerm: TERM + 1, formerOwner: owner?.podName ?? '', claim });
    expect(uids(after)[0]).toBe(successor?.podUid);
    expect(after.term).toBe(firstOwnerTerm(TERM + 1));
  });

  test('are not chosen anew among the very same edges', () => {
    const before = choose(EDGES, null);
    expect(choose(EDGES, before)).toBe(before);
    expect(choose([...EDGES], before)).toMatchObject({ owners: before.owners, term: before.term });
  });

  test('stay while no edge is ready', () => {
    const before = choose(EDGES, null);
    expect(choose([], before)).toBe(before);
    expect(choose([], null)).toEqual({ owners: [], term: 0 });
  });
});
