import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type TestEdge, urisOf } from '../testing/edge.ts';
import { testRoute } from '../testing/route.ts';
import { ThreeEdges } from '../testing/three-edges.ts';

const UID = testRoute('').uid;
const KEY = 'default/film';

describe('a channel that another edge owns', () => {
  let stage: ThreeEdges;
  let owner: TestEdge;
  let other: TestEdge;
  let third: TestEdge;

  beforeEach(async () => {
    stage = await ThreeEdges.open({ ownerTerm: 1 });
    ({ owner, other, third } = stage);
  });

  afterEach(() => stage.close());

  test.each(['Direct', 'Proxy'] as const)(
    'has the same playlists on all edges in %s, and one source client',
    async (mode) => {
      stage.apply({ mode });
      await owner.clock.advance(10);
      owner.source.requests.length = 0;
      let last = -1;
      for (let step = 0; step < 20; step += 1) {
        const text = await stage.same(step % 2 === 0 ? 'source' : '360p');
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
    stage.apply({ mode: 'Idle' });
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
    stage.apply({ mode: 'Proxy' });
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
    stage.apply({ mode: 'Proxy' });
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
    await stage.same();
  });

  test('keeps as many files as its owner does', async () => {
    stage.apply({ mode: 'Proxy' });
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
    stage.apply({ mode: 'Proxy', owners: [owner.owner] });
    await stage.same();
    await owner.clock.advance(20_000);
    const before = await stage.same();
    owner.network.part('edge-1', 'edge-3', true);
    await owner.clock.advance(3_000);
    expect(await third.playlist()).toBe(before);
    owner.network.part('edge-1', 'edge-3', false);
    const sent = owner.network.sent.length;
    await owner.clock.advance(3_000);
    await stage.same();
    const updates = owner.network.sent.slice(sent).filter((message) => message.type === 'update');
    expect(updates.every((message) => message.log === null || message.log.after !== null)).toBe(true);
  });

  test('asks no owner for files that it knows to be away', async () => {
    stage.apply({ mode: 'Proxy', owners: [owner.owner] });
    const [first = ''] = urisOf(await stage.same());
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
    other.media.apply(stage.route({ mode: 'Idle' }));
    const early = other.media.media(KEY, 'source', AbortSignal.timeout(60_000));
    await owner.clock.advance(1_000);
    owner.media.apply(stage.route({ mode: 'Idle' }));
    await owner.clock.advance(1_000);
    expect(urisOf((await early).text).length).toBeGreaterThan(2);
  });

  test('waits for an owner that comes within ten seconds, and is refused when none does', async () => {
    other.media.apply(stage.route({ mode: 'Proxy' }));
    const early = other.media.media(KEY, 'source', AbortSignal.timeout(60_000));
    await owner.clock.advance(3_000);
    owner.media.apply(stage.route({ mode: 'Proxy' }));
    await owner.clock.advance(1_000);
    expect(urisOf((await early).text).length).toBeGreaterThan(2);
    owner.network.part('edge-1', 'edge-3', true);
    third.media.apply(stage.route({ mode: 'Proxy', owners: [owner.owner] }));
    const late = third.media.media(KEY, 'source', AbortSignal.timeout(60_000));
    late.catch(() => undefined);
    await owner.clock.advance(10_000);
    await expect(late).rejects.toMatchObject({ code: 'OWNER_UNREACHABLE', status: 503, retryAfterSeconds: 1 });
  });

  test('gives the reason of a source that cannot be read, as its owner does', async () => {
    owner.source.failure = { status: 500, body: '' };
    stage.apply({ mode: 'Proxy' });
    const asked = other.media.multivariant(KEY, '', AbortSignal.timeout(60_000));
    asked.catch(() => undefined);
    await owner.clock.advance(10_000);
    await expect(asked).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE', status: 503 });
  });
});
