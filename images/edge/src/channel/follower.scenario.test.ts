import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Route } from '@sluice/common/link/route.ts';
import { TestEdge, urisOf } from '../testing/edge.ts';
import { testRoute } from '../testing/route.ts';
import { ChannelOwner } from './owner.ts';

const UID = testRoute('').uid;
const KEY = 'default/film';

describe('a channel that another edge owns', () => {
  let owner: TestEdge;
  let other: TestEdge;
  let third: TestEdge;
  let edges: readonly TestEdge[];

  beforeEach(async () => {
    owner = await TestEdge.open();
    other = await owner.another('edge-2');
    third = await owner.another('edge-3');
    edges = [owner, other, third];
  });

  afterEach(async () => {
    for (const edge of [third, other, owner]) await edge.close();
  });

  const route = (change: Partial<Route> = {}): Route =>
    testRoute(owner.source.url, { owners: edges.map((edge) => edge.owner), ownerTerm: 1, ...change });

  function apply(change: Partial<Route> = {}): void {
    for (const edge of edges) edge.media.apply(route(change));
  }

  async function texts(rung = 'source'): Promise<string[]> {
    const found: string[] = [];
    for (const edge of edges) found.push(await edge.playlist(rung));
    return found;
  }

  async function same(rung = 'source'): Promise<string> {
    const [text = '', ...others] = await texts(rung);
    for (const one of others) expect(one).toBe(text);
    return text;
  }

  test.each(['Direct', 'Proxy'] as const)(
    'has the same playlists on all edges in %s, and one source client',
    async (mode) => {
      apply({ mode });
      await owner.clock.advance(10);
      owner.source.requests.length = 0;
      let last = -1;
      for (let step = 0; step < 20; step += 1) {
        const text = await same(step % 2 === 0 ? 'source' : '360p');
        const msn = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
        expect(msn).toBeGreaterThanOrEqual(last);
        last = msn;
        await owner.clock.advance(700);
      }
      expect(last).toBeGreaterThan(0);
      expect([...owner.source.segmentRequests().values()].every((count) => count === 1)).toBe(true);
      const polls = owner.source.requests.filter((path) => path.endsWith('.m3u8')).length;
      expect(polls).toBeLessThan(20);
    },
  );

  test('has the same multivariant playlist everywhere, and wakes for a viewer at any edge', async () => {
    apply({ mode: 'Idle' });
    await owner.clock.advance(10);
    const signal = AbortSignal.timeout(60_000);
    const [one, two] = await Promise.all([
      owner.media.multivariant(KEY, 'session=a', signal),
      other.media.multivariant(KEY, 'session=a', signal),
    ]);
    expect(two).toEqual(one);
    expect(other.media.live(KEY)?.activeMode).toBe('Idle');
    other.media.setLocalViewers(UID, 1);
    expect(urisOf(await other.playlist()).length).toBeGreaterThan(2);
    expect(owner.report.activeMode).toBe('Direct');
    expect(other.media.live(KEY)).toMatchObject({ activeMode: 'Direct', report: { health: { state: 'healthy' } } });
    other.media.setLocalViewers(UID, 0);
    await owner.clock.advance(30_000);
    expect(owner.report.activeMode).toBe('Idle');
  });

  test('fetches what is watched as it is listed, the rest when it is asked for, each once', async () => {
    apply({ mode: 'Proxy' });
    const listed = urisOf(await other.playlist());
    const first = listed[0] ?? '';
    await Promise.all(Array.from({ length: 20 }, () => other.media.segment(KEY, first)));
    expect(existsSync(join(other.folder, 'live', KEY, first))).toBe(true);
    expect(owner.network.fetched.filter((line) => line.endsWith(first))).toHaveLength(1);
    await owner.clock.advance(6_000);
    const newest = urisOf(await other.playlist()).at(-1) ?? '';
    expect(newest).not.toBe(listed.at(-1));
    expect(owner.network.fetched).toContain(`edge-1->edge-2 ${newest}`);
    expect(owner.network.fetched.some((line) => line.includes('edge-3'))).toBe(false);
    await expect(other.media.segment(KEY, 's/11112222.1/source/999999.0.ts')).rejects.toMatchObject({ status: 404 });
    await expect(other.media.segment(KEY, 's/ffffffff.1/source/1.0.ts')).rejects.toMatchObject({ status: 404 });
  });

  test('is followed no more after its last viewer, and leaves no file', async () => {
    apply({ mode: 'Proxy' });
    other.media.setLocalViewers(UID, 1);
    await other.playlist();
    await owner.clock.advance(5_000);
    expect(existsSync(join(other.folder, 'live', KEY, 's'))).toBe(true);
    other.media.setLocalViewers(UID, 0);
    await owner.clock.advance(60_000);
    expect(existsSync(join(other.folder, 'live', KEY, 's'))).toBe(false);
    const updates = owner.network.sent.length;
    await owner.clock.advance(10_000);
    expect(owner.network.sent.slice(updates).filter(({ type }) => type === 'update')).toEqual([]);
    await same();
  });

  test('keeps as many files as its owner does', async () => {
    apply({ mode: 'Proxy' });
    for (let step = 0; step < 90; step += 1) {
      await other.playlist();
      await owner.clock.advance(1_000);
    }
    const fetched = owner.network.fetched.map((line) => line.split(' ')[1] ?? '');
    expect(fetched.length).toBeGreaterThan(40);
    const kept = fetched.filter((name) => existsSync(join(other.folder, 'live', KEY, name)));
    expect(kept.length).toBeLessThan(30);
    expect(kept.every((name) => existsSync(join(owner.folder, 'live', KEY, name)))).toBe(true);
  });

  test('is shown from the copy while its owner cannot be reached, and goes on where it was', async () => {
    apply({ mode: 'Proxy', owners: [owner.owner] });
    await same();
    await owner.clock.advance(20_000);
    const before = await same();
    owner.network.part('edge-1', 'edge-3', true);
    await owner.clock.advance(3_000);
    expect(await third.playlist()).toBe(before);
    owner.network.part('edge-1', 'edge-3', false);
    const sent = owner.network.sent.length;
    await owner.clock.advance(3_000);
    await same();
    const updates = owner.network.sent.slice(sent).filter((message) => message.type === 'update');
    expect(updates.every((message) => message.log === null || message.log.after !== null)).toBe(true);
  });

  test('asks no owner for files that it knows to be away', async () => {
    apply({ mode: 'Proxy', owners: [owner.owner] });
    const [first = ''] = urisOf(await same());
    await owner.clock.advance(4_000);
    owner.network.part('edge-1', 'edge-3', true);
    await owner.clock.advance(3_000);
    const asked = owner.network.asked.length;
    await expect(third.media.segment(KEY, first)).rejects.toMatchObject({ code: 'OWNER_UNREACHABLE', status: 503 });
    expect(owner.network.asked).toHaveLength(asked);
    owner.network.part('edge-1', 'edge-3', false);
    await owner.clock.advance(3_000);
    await third.media.segment(KEY, first);
    expect(owner.network.asked.at(-1)).toBe(`edge-1->edge-3 ${first}`);
  });

  test('wakes an owner that hears of the channel after the edge where it is watched', async () => {
    other.media.apply(route({ mode: 'Idle' }));
    const early = other.media.media(KEY, 'source', AbortSignal.timeout(60_000));
    await owner.clock.advance(1_000);
    owner.media.apply(route({ mode: 'Idle' }));
    await owner.clock.advance(1_000);
    expect(urisOf((await early).text).length).toBeGreaterThan(2);
  });

  test('waits for an owner that comes within ten seconds, and is refused when none does', async () => {
    other.media.apply(route({ mode: 'Proxy' }));
    const early = other.media.media(KEY, 'source', AbortSignal.timeout(60_000));
    await owner.clock.advance(3_000);
    owner.media.apply(route({ mode: 'Proxy' }));
    await owner.clock.advance(1_000);
    expect(urisOf((await early).text).length).toBeGreaterThan(2);
    owner.network.part('edge-1', 'edge-3', true);
    third.media.apply(route({ mode: 'Proxy', owners: [owner.owner] }));
    const late = third.media.media(KEY, 'source', AbortSignal.timeout(60_000));
    late.catch(() => undefined);
    await owner.clock.advance(10_000);
    await expect(late).rejects.toMatchObject({ code: 'OWNER_UNREACHABLE', status: 503, retryAfterSeconds: 1 });
  });

  test('gives the reason of a source that cannot be read, as its owner does', async () => {
    owner.source.failure = { status: 500, body: '' };
    apply({ mode: 'Proxy' });
    const asked = other.media.multivariant(KEY, '', AbortSignal.timeout(60_000));
    asked.catch(() => undefined);
    await owner.clock.advance(10_000);
    await expect(asked).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE', status: 503 });
  });

  test('goes on without a break under a new owner that has copied it', async () => {
    apply({ mode: 'Proxy' });
    await same();
    await owner.clock.advance(20_000);
    const before = await same();
    const [one, two, three] = edges.map((edge) => edge.owner);
    const owners = [two, one, three].filter((edge) => edge !== undefined);
    apply({ mode: 'Proxy', owners, ownerTerm: 2 });
    await owner.clock.advance(3_000);
    for (let step = 0; step < 10; step += 1) {
      await owner.clock.advance(1_000);
      const text = await same(step % 2 === 0 ? 'source' : '240p');
      expect(text).not.toContain('DISCONTINUITY\n');
    }
    const after = urisOf(await same());
    expect(after).not.toEqual(urisOf(before));
    // What the new owner lists it has, though nobody has asked it before.
    for (const uri of after) await other.media.segment(KEY, uri);
    expect(other.report.ownerTerm).toBe(2);
    // Again only what the owner before had fetched and not yet listed, and the probe.
    const again = [...owner.source.segmentRequests().values()].filter((count) => count > 1);
    expect(again.length).toBeLessThanOrEqual(3);
  });

  test('goes on from the copy of a new owner that could not open it at first', async () => {
    apply({ mode: 'Proxy' });
    await same();
    await owner.clock.advance(10_000);
    const before = urisOf(await other.playlist());
    for (const edge of edges) owner.network.part('edge-2', edge.podUid, true);
    const open = jest.spyOn(ChannelOwner, 'open').mockRejectedValueOnce(new Error('EMFILE'));
    other.media.apply(route({ mode: 'Proxy', owners: [other.owner], ownerTerm: 16 }));
    await owner.clock.advance(1_500);
    expect(open).toHaveBeenCalledTimes(2);
    open.mockRestore();
    const text = await other.playlist();
    expect(urisOf(text)).toEqual(expect.arrayContaining(before.slice(2)));
    expect(text).not.toContain('#EXT-X-DISCONTINUITY\n');
  });

  test('leaves no file where it is removed before its new owner could open it', async () => {
    apply({ mode: 'Proxy' });
    await same();
    await owner.clock.advance(6_000);
    const open = jest.spyOn(ChannelOwner, 'open').mockRejectedValueOnce(new Error('EMFILE'));
    other.media.apply(route({ mode: 'Proxy', owners: [other.owner], ownerTerm: 16 }));
    await owner.clock.advance(10);
    open.mockRestore();
    expect(existsSync(join(other.folder, 'live', KEY))).toBe(true);
    await other.media.remove(UID);
    expect(existsSync(join(other.folder, 'live', KEY))).toBe(false);
  });

  test('is taken over by its first successor when the owner cannot be reached, and never written by two', async () => {
    apply({ mode: 'Proxy', ownerTerm: 16 });
    await same();
    await owner.clock.advance(20_000);
    const before = await same();
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
    other.media.apply(route({ mode: 'Proxy', owners: edges.map((edge) => edge.owner), ownerTerm: 32 }));
  });

  test('is taken over with the copy of the edge that asks for it, where nobody watches at the successor', async () => {
    apply({ mode: 'Idle', ownerTerm: 16 });
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
    apply({ mode: 'Proxy', ownerTerm: 16 });
    await same();
    owner.network.part('edge-1', 'edge-3', true);
    await third.playlist();
    await owner.clock.advance(15_000);
    expect(other.reports).toEqual([]);
    owner.network.part('edge-1', 'edge-3', false);
    await owner.clock.advance(3_000);
    await same();
  });

  test.each([
    ['its first successor', 'edge-2', 'edge-3'],
    ['its second successor', 'edge-3', 'edge-2'],
  ])('goes on at %s, cut off alone from the owner, by way of the other one', async (_name, cutOff, via) => {
    apply({ mode: 'Proxy', ownerTerm: 16 });
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
    await same();
  });

  test('goes on from the longest copy of the others under an owner that has none', async () => {
    apply({ mode: 'Proxy', ownerTerm: 16 });
    await owner.playlist();
    await third.playlist();
    await owner.clock.advance(20_000);
    const before = await third.playlist();
    const owners = [other, third].map((edge) => edge.owner);
    // The owner is gone, and the one that the operator names had no viewers.
    owner.network.remove('edge-1');
    for (const edge of [other, third]) edge.media.apply(route({ mode: 'Proxy', owners, ownerTerm: 32 }));
    await owner.clock.advance(4_000);
    const after = await other.playlist();
    expect(after).not.toContain('DISCONTINUITY\n');
    expect(urisOf(after)[0]).toBe(urisOf(before)[2]);
    expect(await third.playlist()).toBe(after);
  });

  test('goes on above the numbers that its lost owner has reported, where nobody has a copy', async () => {
    apply({ mode: 'Proxy', ownerTerm: 16 });
    await owner.playlist();
    await owner.clock.advance(20_000);
    const { lastMsn } = owner.report;
    owner.network.remove('edge-1');
    const owners = [other, third].map((edge) => edge.owner);
    // The route that the operator last sent does not know of them yet.
    for (const edge of [other, third]) edge.media.apply(route({ mode: 'Proxy', owners, ownerTerm: 32, resume: null }));
    await owner.clock.advance(4_000);
    const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(await other.playlist())?.[1]);
    expect(first).toBeGreaterThan(lastMsn);
    expect(other.report.epoch).toBe(2);
  });

  test('refuses a lower term, and takes a higher one that names the same edge', async () => {
    apply({ mode: 'Proxy', ownerTerm: 5 });
    await same();
    // The owner has not heard of it yet, and may be cut off from the operator.
    other.media.apply(route({ mode: 'Proxy', ownerTerm: 6 }));
    await owner.clock.advance(5_000);
    expect(await other.playlist()).toBe(await owner.playlist());
  });
});
