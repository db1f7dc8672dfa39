import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type TestEdge, urisOf } from '../testing/edge.ts';
import { testRoute } from '../testing/route.ts';
import { ThreeEdges } from '../testing/three-edges.ts';
import { ChannelOwner } from './owner.ts';

const UID = testRoute('').uid;
const KEY = 'default/film';

describe('a channel that gets another owner', () => {
  let stage: ThreeEdges;
  let owner: TestEdge;
  let other: TestEdge;
  let third: TestEdge;
  let edges: readonly TestEdge[];

  beforeEach(async () => {
    stage = await ThreeEdges.open({ ownerTerm: 1 });
    ({ owner, other, third, edges } = stage);
  });

  afterEach(() => stage.close());

  test('goes on without a break under a new owner that has copied it', async () => {
    stage.apply({ mode: 'Proxy' });
    await stage.same();
    await owner.clock.advance(20_000);
    const before = await stage.same();
    const [one, two, three] = edges.map((edge) => edge.owner);
    const owners = [two, one, three].filter((edge) => edge !== undefined);
    stage.apply({ mode: 'Proxy', owners, ownerTerm: 2 });
    await owner.clock.advance(3_000);
    for (let step = 0; step < 10; step += 1) {
      await owner.clock.advance(1_000);
      const text = await stage.same(step % 2 === 0 ? 'source' : '240p');
      expect(text).not.toContain('DISCONTINUITY\n');
    }
    const after = urisOf(await stage.same());
    expect(after).not.toEqual(urisOf(before));
    // What the new owner lists it has, though nobody has asked it before.
    for (const uri of after) await other.media.segment(KEY, uri);
    expect(other.report.ownerTerm).toBe(2);
    // Again only what the owner before had fetched and not yet listed, and the probe.
    const again = [...owner.source.segmentRequests().values()].filter((count) => count > 1);
    expect(again.length).toBeLessThanOrEqual(3);
  });

  test('goes on from the copy of a new owner that could not open it at first', async () => {
    stage.apply({ mode: 'Proxy' });
    await stage.same();
    await owner.clock.advance(10_000);
    const before = urisOf(await other.playlist());
    for (const edge of edges) owner.network.part('edge-2', edge.podUid, true);
    const open = jest.spyOn(ChannelOwner, 'open').mockRejectedValueOnce(new Error('EMFILE'));
    other.media.apply(stage.route({ mode: 'Proxy', owners: [other.owner], ownerTerm: 16 }));
    await owner.clock.advance(1_500);
    expect(open).toHaveBeenCalledTimes(2);
    open.mockRestore();
    const text = await other.playlist();
    expect(urisOf(text)).toEqual(expect.arrayContaining(before.slice(2)));
    expect(text).not.toContain('#EXT-X-DISCONTINUITY\n');
  });

  test('leaves no file where it is removed before its new owner could open it', async () => {
    stage.apply({ mode: 'Proxy' });
    await stage.same();
    await owner.clock.advance(6_000);
    const open = jest.spyOn(ChannelOwner, 'open').mockRejectedValueOnce(new Error('EMFILE'));
    other.media.apply(stage.route({ mode: 'Proxy', owners: [other.owner], ownerTerm: 16 }));
    await owner.clock.advance(10);
    open.mockRestore();
    expect(existsSync(join(other.folder, 'live', KEY))).toBe(true);
    await other.media.remove(UID);
    expect(existsSync(join(other.folder, 'live', KEY))).toBe(false);
  });

  test('is taken over by its first successor when the owner cannot be reached, and never written by two', async () => {
    stage.apply({ mode: 'Proxy', ownerTerm: 16 });
    await stage.same();
    await owner.clock.advance(20_000);
    const before = await stage.same();
    for (const edge of [other, third]) owner.network.part('edge-1', edge.podUid, true);
    let waited = 0;
    while ((await third.playlist()) === before || waited < 4_000) {
      await owner.clock.advance(500);
      waited += 500;
      expect(waited).toBeLessThan(10_000);
      expect(await third.playlist()).toBe(await other.playlist());
    }
    expect(other.report).toMatchObject({ ownerTerm: 17, activeMode: 'Proxy' });
    expect(await third.playlist()).not.toContain('DISCONTINUITY\n');
    // The old owner knows nothing of it and writes on, until it can be told.
    for (const edge of [other, third]) owner.network.part('edge-1', edge.podUid, false);
    await owner.clock.advance(8_000);
    const polls = owner.source.requests.length;
    await owner.clock.advance(10_000);
    expect(await owner.playlist()).toBe(await other.playlist());
    expect(owner.source.requests.slice(polls).filter((path) => path.endsWith('.m3u8')).length).toBeLessThan(8);
    // The operator has not heard of it, and sends its route once more.
    other.media.apply(stage.route({ mode: 'Proxy', owners: edges.map((edge) => edge.owner), ownerTerm: 32 }));
  });

  test('is taken over with the copy of the edge that asks for it, where nobody watches at the successor', async () => {
    stage.apply({ mode: 'Idle', ownerTerm: 16 });
    await third.playlist();
    third.media.setLocalViewers(UID, 1);
    await owner.clock.advance(20_000);
    const before = await third.playlist();
    owner.network.remove('edge-1');
    for (let step = 0; step < 8; step += 1) await owner.clock.advance(1_000);
    const after = await third.playlist();
    expect(other.report).toMatchObject({ ownerTerm: 17, activeMode: 'Direct' });
    expect(after).not.toBe(before);
    expect(after).not.toContain('DISCONTINUITY\n');
  });

  test('stays with an owner that only this edge cannot reach', async () => {
    stage.apply({ mode: 'Proxy', ownerTerm: 16 });
    await stage.same();
    owner.network.part('edge-1', 'edge-3', true);
    await third.playlist();
    await owner.clock.advance(15_000);
    expect(other.reports).toEqual([]);
    owner.network.part('edge-1', 'edge-3', false);
    await owner.clock.advance(3_000);
    await stage.same();
  });

  test.each([
    ['its first successor', 'edge-2', 'edge-3'],
    ['its second successor', 'edge-3', 'edge-2'],
  ])('goes on at %s, cut off alone from the owner, by way of the other one', async (_name, cutOff, via) => {
    stage.apply({ mode: 'Proxy', ownerTerm: 16 });
    const cut = cutOff === 'edge-2' ? other : third;
    await owner.playlist();
    await cut.playlist();
    await owner.clock.advance(20_000);
    const before = await cut.playlist();
    owner.network.part('edge-1', cutOff, true);
    for (let step = 0; step < 20; step += 1) {
      await owner.clock.advance(1_000);
      const [newest, ...listed] = urisOf(await cut.playlist()).reverse();
      const shown = urisOf(await owner.playlist());
      expect(shown.indexOf(newest ?? '')).toBeGreaterThanOrEqual(shown.length - 4);
      expect(shown).toEqual(expect.arrayContaining(listed.slice(0, 6)));
    }
    const newest = urisOf(await cut.playlist()).at(-1) ?? '';
    expect(urisOf(before)).not.toContain(newest);
    await cut.media.segment(KEY, newest);
    expect(owner.network.fetched).toContain(`${via}->${cutOff} ${newest}`);
    expect([...other.reports, ...third.reports]).toEqual([]);
    owner.network.part('edge-1', cutOff, false);
    await owner.clock.advance(3_000);
    await stage.same();
  });

  test('goes on from the longest copy of the others under an owner that has none', async () => {
    stage.apply({ mode: 'Proxy', ownerTerm: 16 });
    await owner.playlist();
    await third.playlist();
    await owner.clock.advance(20_000);
    const before = await third.playlist();
    const owners = [other, third].map((edge) => edge.owner);
    // The owner is gone, and the one that the operator names had no viewers.
    owner.network.remove('edge-1');
    for (const edge of [other, third]) edge.media.apply(stage.route({ mode: 'Proxy', owners, ownerTerm: 32 }));
    await owner.clock.advance(4_000);
    const after = await other.playlist();
    expect(after).not.toContain('DISCONTINUITY\n');
    expect(urisOf(after)[0]).toBe(urisOf(before)[2]);
    expect(await third.playlist()).toBe(after);
  });

  test('goes on above the numbers that its lost owner has reported, where nobody has a copy', async () => {
    stage.apply({ mode: 'Proxy', ownerTerm: 16 });
    await owner.playlist();
    await owner.clock.advance(20_000);
    const { lastMsn } = owner.report;
    owner.network.remove('edge-1');
    const owners = [other, third].map((edge) => edge.owner);
    // The route that the operator last sent does not know of them yet.
    for (const edge of [other, third])
      edge.media.apply(stage.route({ mode: 'Proxy', owners, ownerTerm: 32, resume: null }));
    await owner.clock.advance(4_000);
    const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(await other.playlist())?.[1]);
    expect(first).toBeGreaterThan(lastMsn);
    expect(other.report.epoch).toBe(2);
  });

  test('refuses a lower term, and takes a higher one that names the same edge', async () => {
    stage.apply({ mode: 'Proxy', ownerTerm: 5 });
    await stage.same();
    // The owner has not heard of it yet, and may be cut off from the operator.
    other.media.apply(stage.route({ mode: 'Proxy', ownerTerm: 6 }));
    await owner.clock.advance(5_000);
    expect(await other.playlist()).toBe(await owner.playlist());
  });
});
