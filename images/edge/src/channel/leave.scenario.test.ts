import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type TestEdge, urisOf } from '../testing/edge.ts';
import { testRoute } from '../testing/route.ts';
import { makeSegment } from '../testing/segment.ts';
import { endOf, ThreeEdges } from '../testing/three-edges.ts';
import { findDesk } from '../work/desk.ts';

const UID = testRoute('').uid;
const KEY = 'default/film';
const STEP_MS = 50;
const SESSION = { name: 'film-1', uid: 'session-uid', tokenSha256: '0'.repeat(64), rungs: ['360p', '240p'] };

describe('an edge that leaves', () => {
  let stage: ThreeEdges;
  let owner: TestEdge;
  let other: TestEdge;
  let third: TestEdge;
  let edges: readonly TestEdge[];

  beforeEach(async () => {
    stage = await ThreeEdges.open({ ownerTerm: 16, mode: 'Proxy' });
    ({ owner, other, third, edges } = stage);
  });

  afterEach(() => stage.close());

  /** Whoever answers lets requests to others through, which wait for time that does not pass by itself. */
  async function leave(edge: TestEdge): Promise<unknown> {
    let result: unknown;
    const leaving = edge.media.leave().then((departure) => {
      result = departure;
    });
    for (let turn = 0; turn < 20 && result === undefined; turn += 1) await owner.clock.advance(0);
    await leaving;
    return result;
  }

  test('hands its channels over in the rhythm of the film, with the same bytes everywhere', async () => {
    stage.apply();
    await other.playlist();
    const before = await stage.watch(other, 10_000, STEP_MS);
    expect(await leave(owner)).toEqual({ handedOver: 1, kept: 0 });
    for (const edge of edges) {
      expect(edge.media.live(KEY)?.route.owners.map(({ podUid }) => podUid)).toEqual(['edge-2', 'edge-3']);
      expect(edge.media.live(KEY)?.route.ownerTerm).toBe(17);
    }
    owner.source.requests.length = 0;
    const after = await stage.watch(other, 12_000, STEP_MS);
    const times = [...new Map([...after, ...before])].sort(([one], [two]) => one - two).slice(2);
    const gaps = times.slice(1).map(([, at], index) => at - (times[index]?.[1] ?? 0));
    expect(times.map(([end]) => end)).toEqual(times.map((_, index) => (times[0]?.[0] ?? 0) + index));
    for (const gap of gaps) expect(Math.abs(gap - 2_000)).toBeLessThanOrEqual(2 * STEP_MS);
    const [text = '', ...texts] = await Promise.all(edges.map((edge) => edge.playlist()));
    for (const one of texts) expect(one).toBe(text);
    expect(text).not.toContain('DISCONTINUITY\n');
    const polls = owner.source.requests.filter((path) => path.endsWith('.m3u8')).length;
    expect(polls).toBeLessThanOrEqual(9);
    for (const uri of urisOf(text)) expect(await other.media.storedFile(UID, uri)).not.toBeNull();
  });

  /** What a transcoder's agent does: hands whoever owns the channel each segment, one behind the source. */
  async function encode(seconds: number, done: Set<number>): Promise<void> {
    for (let step = 0; step < seconds * 5; step += 1) {
      await owner.clock.advance(200);
      const at = edges.find((edge) => edge.media.ownerOfSession('default', SESSION.name) !== null);
      const desk = at === undefined ? null : findDesk(at.media, 'default', SESSION.name);
      const stored = at?.media.ownerOfSession('default', SESSION.name)?.publisher.stored() ?? [];
      if (at === undefined || desk === null) continue;
      desk.called(1);
      for (const { msn } of stored.slice(0, -1).filter((segment) => !done.has(segment.msn))) {
        const bytes = makeSegment({ startSeconds: 100 + msn * 2, durationSeconds: 2 });
        for (const rung of SESSION.rungs) await at.during(() => desk.put(1, rung, msn, 1, bytes));
        done.add(msn);
      }
    }
  }

  test('hands over the transcode as well: no segment of a rung comes from the source', async () => {
    stage.apply({ mode: 'Transcode', session: SESSION });
    await other.playlist('360p');
    const done = new Set<number>();
    await encode(16, done);
    const before = await other.playlist('360p');
    expect(urisOf(before).at(-1)).toMatch(/\/360p\/\d+\.1\.ts$/);
    expect(await leave(owner)).toEqual({ handedOver: 1, kept: 0 });
    await encode(20, done);
    const after = await third.playlist('360p');
    expect(endOf(after)).toBeGreaterThanOrEqual(endOf(before) + 9);
    const uris = urisOf(after);
    expect(uris.filter((uri) => !uri.includes('/360p/'))).toEqual([]);
    for (const uri of uris) expect(await other.media.storedFile(UID, uri)).not.toBeNull();
    expect(other.report).toMatchObject({ activeMode: 'Transcode', session: { state: 'Live', attempt: 1 } });
    expect(other.reports.map(({ session }) => session?.state).filter((state) => state !== 'Live')).toEqual([]);
  });

  test('serves what it is asked for, and takes no channel any more', async () => {
    stage.apply();
    await owner.playlist();
    await leave(owner);
    const text = await owner.playlist();
    expect(text).toBe(await other.playlist());
    for (const uri of urisOf(text)) await expect(owner.media.segment(KEY, uri)).resolves.toBeNull();
    const claim = { owners: [owner.owner, other.owner], term: 18, away: false, cutOff: false };
    expect(await owner.media.hearOwners(UID, claim)).toBeNull();
    await leave(other);
    expect(owner.media.live(KEY)?.route.owners.map(({ podUid }) => podUid)).toEqual(['edge-3']);
    expect(await third.playlist()).toBe(await owner.playlist());
  });

  test('hands on what it was given just before it leaves as well', async () => {
    stage.apply();
    await owner.playlist();
    const given = new Promise<void>((resolve) => void other.media.onOwners(() => resolve()));
    const both = [leave(owner), given.then(() => leave(other))];
    expect(await Promise.all(both)).toEqual([
      { handedOver: 1, kept: 0 },
      { handedOver: 1, kept: 0 },
    ]);
    expect(third.media.live(KEY)?.route).toMatchObject({ ownerTerm: 18, owners: [third.owner] });
    expect(third.report.ownerTerm).toBe(18);
  });

  test('leaves no viewer without a segment that its successor does not have yet', async () => {
    stage.apply();
    const [oldest = ''] = urisOf(await owner.playlist());
    await owner.clock.advance(2_000);
    await third.playlist();
    expect(await third.files()).not.toContain(oldest.slice('s/'.length));
    const given = new Promise<void>((resolve) => void third.media.onOwners(() => resolve()));
    const leaving = leave(owner);
    await given;
    await expect(third.media.segment(KEY, oldest)).resolves.toBeNull();
    await leaving;
  });

  test('hands over anew what an operator gives it that has not heard yet', async () => {
    stage.apply();
    await owner.playlist();
    await leave(owner);
    stage.apply({ ownerTerm: 32 });
    for (let turn = 0; turn < 20; turn += 1) await owner.clock.advance(0);
    expect(third.media.live(KEY)?.route).toMatchObject({ ownerTerm: 33, owners: [other.owner, third.owner] });
  });

  test('asks the next successor where the first is gone, and keeps what nobody takes', async () => {
    stage.apply();
    await owner.playlist();
    owner.network.remove('edge-2');
    expect(await leave(owner)).toEqual({ handedOver: 1, kept: 0 });
    expect(third.media.live(KEY)?.route).toMatchObject({ ownerTerm: 18, owners: [third.owner, other.owner] });
    owner.network.remove('edge-1');
    const before = endOf(await third.playlist());
    expect(await leave(third)).toEqual({ handedOver: 0, kept: 1 });
    await owner.clock.advance(6_000);
    expect(endOf(await third.playlist())).toBeGreaterThan(before);
  });

  test('hands over what wakes while it leaves, and answers who has woken it', async () => {
    stage.apply({ mode: 'Idle' });
    await owner.clock.advance(10);
    expect(await leave(owner)).toEqual({ handedOver: 0, kept: 0 });
    const waiting = owner.media.media(KEY, 'source', AbortSignal.timeout(60_000));
    for (let turn = 0; turn < 20; turn += 1) await owner.clock.advance(200);
    expect(owner.media.live(KEY)?.route).toMatchObject({ ownerTerm: 17, owners: [other.owner, third.owner] });
    expect(urisOf((await waiting).text).length).toBeGreaterThan(2);
    expect(await owner.playlist()).toBe(await other.playlist());
    expect(other.report.activeMode).toBe('Direct');
    owner.network.remove('edge-1');
    const before = endOf(await other.playlist());
    await owner.clock.advance(4_000);
    expect(endOf(await other.playlist())).toBe(before + 2);
  });

  test('leaves alone what nobody watches', async () => {
    stage.apply({ mode: 'Idle' });
    await owner.clock.advance(10);
    expect(await leave(owner)).toEqual({ handedOver: 0, kept: 0 });
    expect(other.media.live(KEY)?.route.ownerTerm).toBe(16);
  });
});
