import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Route } from '@sluice/common/link/route.ts';
import { TestEdge, urisOf } from '../testing/edge.ts';
import { testRoute } from '../testing/route.ts';
import { makeSegment } from '../testing/segment.ts';
import { SourceServer } from '../testing/source-server.ts';
import { findDesk } from '../work/desk.ts';

const KEY = 'default/film';
const UID = testRoute('').uid;
/** Of the test source's segments, in whole blocks of the volume. */
const SEGMENT_BYTES = 4096 * Math.ceil(makeSegment({ startSeconds: 100, durationSeconds: 2 }).length / 4096);

let owner: TestEdge;
let edges: TestEdge[];

beforeEach(() => {
  edges = [];
});

afterEach(async () => {
  for (const edge of edges.reverse()) await edge.close();
});

/** An owner, and edges that follow it with room for so many segments each. */
async function open(ownerSegments: number, ...followers: readonly number[]): Promise<void> {
  owner = await TestEdge.open(ownerSegments * SEGMENT_BYTES);
  edges = [owner];
  for (const [index, segments] of followers.entries()) {
    edges.push(await owner.another(`edge-${index + 2}`, segments * SEGMENT_BYTES));
  }
}

function apply(change: Partial<Route> = {}): void {
  const owners = edges.map((edge) => edge.owner);
  for (const edge of edges) edge.media.apply(testRoute(owner.source.url, { owners, ownerTerm: 1, ...change }));
}

const fetchesOf = (name: string): number => owner.network.fetched.filter((line) => line.endsWith(name)).length;
const isStored = (edge: TestEdge, name: string, key = KEY): boolean => existsSync(join(edge.folder, 'live', key, name));

/** Names of a playlist's segments that are no gaps. */
function playable(playlist: string): string[] {
  const lines = playlist.split('\n');
  return urisOf(playlist).filter((uri) => !lines.slice(0, lines.indexOf(uri)).slice(-3).includes('#EXT-X-GAP'));
}

describe('an edge that follows a channel', () => {
  test('sends what it has no room for as it comes, fetched once for all who ask at the same time', async () => {
    await open(1_000, 0);
    const other = edges[1] ?? owner;
    apply({ mode: 'Proxy' });
    const [first = ''] = urisOf(await other.playlist());
    const before = fetchesOf(first);
    const asked = await Promise.all(Array.from({ length: 10 }, () => other.media.segment(KEY, first)));
    expect(asked.every((bytes) => bytes !== null && bytes.length > 1000 && bytes === asked[0])).toBe(true);
    expect(fetchesOf(first)).toBe(before + 1);
    expect([isStored(other, first), other.volume.bytes]).toEqual([false, 0]);
    // Nothing is fetched in vain, before anybody asks.
    const fetches = owner.network.fetched.length;
    for (let step = 0; step < 8; step += 1) {
      await other.playlist();
      await owner.clock.advance(1_000);
    }
    expect(owner.network.fetched).toHaveLength(fetches);
  });

  test('keeps the newest segments, and fetches older ones again when somebody asks', async () => {
    await open(1_000, 6);
    const other = edges[1] ?? owner;
    apply({ mode: 'Proxy' });
    other.media.setLocalViewers(UID, 1);
    for (let step = 0; step < 40; step += 1) {
      await other.playlist();
      await owner.clock.advance(1_000);
      expect(other.volume.bytes).toBeLessThanOrEqual(6 * SEGMENT_BYTES);
    }
    const listed = urisOf(await other.playlist());
    expect(listed).toHaveLength(12);
    for (const name of listed.slice(-4)) expect(isStored(other, name)).toBe(true);
    const [first = ''] = listed;
    expect([isStored(other, first), fetchesOf(first)]).toEqual([false, 1]);
    await other.media.segment(KEY, first);
    expect(fetchesOf(first)).toBe(2);
    for (const name of listed.slice(-4)) expect(fetchesOf(name)).toBe(1);
  });

  test('gives up what nobody watches there before what somebody does', async () => {
    await open(1_000, 10);
    const other = edges[1] ?? owner;
    apply({ mode: 'Proxy' });
    const news = { name: 'news', uid: '99998888-3333-4444-5555-666677778888' };
    const owners = edges.map((edge) => edge.owner);
    for (const edge of edges) {
      edge.media.apply(testRoute(owner.source.url, { ...news, owners, ownerTerm: 1, mode: 'Proxy' }));
    }
    const left = urisOf(await other.playlist('source', 'default/news')).slice(-4);
    for (const name of left) await other.media.segment('default/news', name);
    // Longer than a request without a session keeps a channel watched, and shorter than its files stay.
    for (let step = 0; step < 18; step += 1) {
      await other.playlist();
      await owner.clock.advance(1_000);
    }
    for (const name of left) expect(isStored(other, name, 'default/news')).toBe(false);
    const watched = urisOf(await other.playlist()).slice(-5);
    for (const name of watched) expect([name, isStored(other, name)]).toEqual([name, true]);
  });

  test('has nothing left of a run before that nobody knows the time of', async () => {
    await open(1_000, 1_000);
    const other = edges[1] ?? owner;
    apply({ mode: 'Proxy' });
    const [first = ''] = urisOf(await other.playlist());
    await other.media.segment(KEY, first);
    expect(isStored(other, first)).toBe(true);
    await other.restart();
    apply({ mode: 'Proxy' });
    await other.clock.advance(0);
    expect(isStored(other, first)).toBe(false);
  });
});

describe('a rung that nobody watches', () => {
  const session = {
    name: 'film-1',
    uid: 'session-uid',
    tokenSha256: createHash('sha256').update('token').digest('hex'),
    rungs: ['360p', '240p'],
  };

  /** Lets film pass, with a transcoder that hands back each segment at once; `watch` is what viewers do each half second. */
  async function transcode(seconds: number, watch: () => Promise<unknown>): Promise<void> {
    const done = new Set<number>();
    for (let step = 0; step < 2 * seconds; step += 1) {
      await owner.clock.advance(500);
      await watch();
      const desk = findDesk(owner.media, 'default', 'film-1');
      desk?.called(1);
      const stored = owner.media.ownerOfSession('default', 'film-1')?.publisher.stored() ?? [];
      for (const { msn, epoch } of stored) {
        if (done.has(msn)) continue;
        done.add(msn);
        const bytes = makeSegment({ startSeconds: 100 + msn * 2, durationSeconds: 2 });
        for (const rung of session.rungs) await owner.during(async () => desk?.put(epoch, rung, msn, 1, bytes));
      }
    }
  }

  test('costs the other edges neither traffic nor disk, while the watched one is there before it is asked for', async () => {
    await open(1_000, 1_000, 1_000);
    const [, high, low] = edges as [TestEdge, TestEdge, TestEdge];
    apply({ mode: 'Transcode', session });
    let fetched = 0;
    high.media.onFetched((bytes) => {
      fetched += bytes;
    });
    await transcode(30, () => Promise.all([high.playlist('360p'), low.playlist('240p')]));
    expect(owner.report.activeMode).toBe('Transcode');
    const listed = urisOf(await high.playlist('360p')).filter((uri) => uri.endsWith('.1.ts'));
    expect(listed.length).toBeGreaterThan(4);
    for (const name of listed) {
      expect([name, isStored(high, name), isStored(low, name), fetchesOf(name)]).toEqual([name, true, false, 1]);
    }
    const lines = owner.network.fetched;
    expect(lines.filter((line) => /edge-2 .*\/240p\//.test(line))).toEqual([]);
    expect(lines.filter((line) => /edge-3 .*\/360p\//.test(line))).toEqual([]);
    expect(lines.filter((line) => /\/source\/.*\.1\.ts$/.test(line))).toEqual([]);
    const names = new Set(lines.filter((line) => line.includes('->edge-2 ')).map((line) => line.split(' ')[1] ?? ''));
    const files = await Promise.all([...names].map((name) => high.media.storedFile(UID, name)));
    expect(fetched).toBe(files.reduce((sum, file) => sum + (file?.bytes ?? 0), 0));
    const first = urisOf(await high.playlist('240p')).at(-1) ?? '';
    expect(fetchesOf(first)).toBe(1);
    await Promise.all(Array.from({ length: 10 }, () => high.media.segment(KEY, first)));
    expect(fetchesOf(first)).toBe(2);
  });
});

describe('an owner whose volume is full', () => {
  /** Watches the channel for a minute on a volume of so many segments, of which all that is listed must be stored. */
  async function watch(segments: number): Promise<{ gaps: number; shortest: number; last: number }> {
    await open(segments);
    apply({ mode: 'Proxy' });
    owner.media.setLocalViewers(UID, 1);
    const seen = { gaps: 0, shortest: Number.POSITIVE_INFINITY, last: 0 };
    for (let step = 0; step < 36; step += 1) {
      await owner.clock.advance(2_000);
      const text = await owner.playlist();
      expect(owner.volume.bytes).toBeLessThanOrEqual(segments * SEGMENT_BYTES);
      for (const name of playable(text)) expect([name, isStored(owner, name)]).toEqual([name, true]);
      const listed = urisOf(text).length;
      seen.gaps = Math.max(seen.gaps, listed - playable(text).length);
      if (step > 9) seen.shortest = Math.min(seen.shortest, listed);
      seen.last = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]) + listed - 1;
    }
    expect([...owner.source.segmentRequests().values()].filter((count) => count > 1).length).toBeLessThanOrEqual(1);
    return seen;
  }

  test('lists as much as it has room for, and misses nothing', async () => {
    const { gaps, shortest, last } = await watch(9);
    expect(gaps).toBe(0);
    expect(shortest).toBeGreaterThanOrEqual(6);
    expect(shortest).toBeLessThan(12);
    expect(last).toBeGreaterThan(owner.source.newestMsn - 4);
    expect(owner.reports.map(({ health }) => health.reason)).not.toContain('StorageFull');
  });

  test('lists gaps where not even the shortest playlist has room, and goes on', async () => {
    const { gaps, last } = await watch(5);
    expect(gaps).toBeGreaterThan(0);
    expect(gaps).toBeLessThan(12);
    expect(last).toBeGreaterThan(owner.source.newestMsn - 4);
    expect(owner.reports.map(({ health }) => health.reason)).toContain('StorageFull');
  });

  test('harms no other channel with one that needs more than its share', async () => {
    await open(200);
    const film = new SourceServer({ now: owner.clock.now, segmentBytes: 40 * SEGMENT_BYTES });
    await film.listen();
    const big = { name: 'big', uid: '99998888-3333-4444-5555-666677778888', mode: 'Proxy' as const };
    try {
      owner.media.apply(testRoute(film.url, { ...big, owners: [owner.owner], ownerTerm: 1 }));
      owner.media.setLocalViewers(big.uid, 1);
      await owner.clock.advance(24_000);
      apply({ mode: 'Proxy' });
      owner.media.setLocalViewers(UID, 1);
      let bigGaps = 0;
      for (let step = 0; step < 20; step += 1) {
        await owner.clock.advance(2_000);
        const text = await owner.playlist();
        expect(text).not.toContain('#EXT-X-GAP');
        for (const name of urisOf(text)) expect([name, isStored(owner, name)]).toEqual([name, true]);
        const other = await owner.playlist('source', 'default/big');
        for (const name of playable(other)) expect(isStored(owner, name, 'default/big')).toBe(true);
        bigGaps = Math.max(bigGaps, urisOf(other).length - playable(other).length);
      }
      expect(bigGaps).toBeGreaterThan(0);
      expect(bigGaps).toBeLessThan(12);
    } finally {
      await owner.media.remove(big.uid);
      await film.close();
    }
  });
});

describe('an edge that is handed a channel', () => {
  test.each([
    ['as much as a full volume lists', 9, 6],
    ['less than that', 5, 3],
  ])('lists no more of the owner before than it has room for: %s', async (_, room, fewest) => {
    await open(1_000, room);
    const other = edges[1] ?? owner;
    apply({ mode: 'Proxy', ownerTerm: 16 });
    owner.media.setLocalViewers(UID, 1);
    await owner.clock.advance(40_000);
    expect(urisOf(await owner.playlist())).toHaveLength(12);
    const leaving = owner.media.leave();
    for (let turn = 0; turn < 20; turn += 1) await owner.clock.advance(0);
    expect(await leaving).toEqual({ handedOver: 1, kept: 0 });
    for (let step = 0; step < 6; step += 1) await owner.clock.advance(1_000);
    owner.network.remove(owner.podUid);
    other.media.setLocalViewers(UID, 1);
    for (let step = 0; step < 12; step += 1) {
      const text = await other.playlist();
      expect(urisOf(text).length).toBeGreaterThanOrEqual(fewest);
      for (const name of playable(text)) expect([name, isStored(other, name)]).toEqual([name, true]);
      expect(other.volume.bytes).toBeLessThanOrEqual(room * SEGMENT_BYTES);
      await owner.clock.advance(2_000);
    }
  });
});
