import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Route } from '@sluice/common/link/route.ts';
import { makeFragment, makeInit } from '@sluice/common/mp4/file.testing.ts';
import { playlistViolations, updateViolations } from '@sluice/test/viewer/invariants.ts';
import { type MediaPlaylist, parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { TestEdge, urisOf } from '../testing/edge.ts';
import { testRoute } from '../testing/route.ts';
import { findDesk } from '../work/desk.ts';

const UID = testRoute('').uid;
const KEY = 'default/film';
const SESSION = { name: 'film-1', uid: 'session-uid', tokenSha256: '0'.repeat(64), rungs: ['360p', '240p'] };
const SIZES: Readonly<Record<string, number>> = { '360p': 360, '240p': 240 };
const SECTION = /^s\/11112222\.1\/(source|360p|240p)\/[0-9a-f]{16}\.mp4$/;

const initOf = (rung: string): Buffer => makeInit({ width: 640, height: SIZES[rung] ?? 0 });
const fragmentOf = (msn: number): Buffer => makeFragment({ startSeconds: 100 + msn * 2, durationSeconds: 2 });

/** Runs of equal sections in a playlist: the rung that each is of. */
function sectionsOf({ entries }: MediaPlaylist): readonly string[] {
  const rungs = entries.filter(({ gap }) => !gap).map(({ mapUri }) => SECTION.exec(mapUri ?? '')?.[1] ?? 'none');
  return rungs.filter((rung, index) => rung !== rungs[index - 1]);
}

describe('a channel of fragmented MP4 that is transcoded', () => {
  let owner: TestEdge;
  let other: TestEdge;
  let third: TestEdge;
  let edges: readonly TestEdge[];
  let done: Set<number>;

  beforeEach(async () => {
    owner = await TestEdge.open();
    owner.source.fragmented = true;
    other = await owner.another('edge-2');
    third = await owner.another('edge-3');
    edges = [owner, other, third];
    done = new Set();
    apply({ mode: 'Proxy' });
    await owner.clock.advance(10);
  });

  afterEach(async () => {
    for (const edge of [third, other, owner]) await edge.close();
  });

  function apply(change: Partial<Route>): void {
    const owners = edges.map((edge) => edge.owner);
    for (const edge of edges) edge.media.apply(testRoute(owner.source.url, { owners, ownerTerm: 16, ...change }));
  }

  /** What a transcoder's agent does: hands whoever owns the channel each segment behind its section, one behind the source. */
  async function encode(seconds: number, attempt = 1, rungs = SESSION.rungs): Promise<void> {
    for (let step = 0; step < seconds * 5; step += 1) {
      await owner.clock.advance(200);
      const at = edges.find((edge) => edge.media.ownerOfSession('default', SESSION.name) !== null);
      const desk = at === undefined ? null : findDesk(at.media, 'default', SESSION.name);
      const stored = at?.media.ownerOfSession('default', SESSION.name)?.publisher.stored() ?? [];
      if (at === undefined || desk === null) continue;
      desk.called(attempt);
      for (const { msn, epoch } of stored.slice(0, -1).filter((segment) => !done.has(segment.msn))) {
        for (const rung of rungs) {
          const bytes = Buffer.concat([initOf(rung), fragmentOf(msn)]);
          await at.during(() => desk.put(epoch, rung, msn, attempt, bytes));
        }
        done.add(msn);
      }
    }
  }

  const listed = async (edge: TestEdge, rung: string): Promise<MediaPlaylist> =>
    parseMediaPlaylist(await edge.playlist(rung));

  const path = (edge: TestEdge, name: string): string => join(edge.folder, 'live', KEY, name);

  test('switches its rungs to sections of their own and back, and changes nothing else', async () => {
    const main = (): Promise<string> =>
      owner.media.multivariant(KEY, 'session=x', AbortSignal.timeout(60_000)).then(({ text }) => text);
    const before = await main();
    expect(before).toContain('RESOLUTION=640x360,FRAME-RATE=25.000,CODECS="avc1.64001f,mp4a.40.2"');
    await owner.playlist('360p');
    apply({ mode: 'Transcode', session: SESSION });
    const seen = new Map<string, MediaPlaylist>();
    const look = async (): Promise<void> => {
      for (const rung of ['source', ...SESSION.rungs]) {
        const playlist = await listed(owner, rung);
        expect(playlistViolations(playlist)).toEqual([]);
        const last = seen.get(rung);
        if (last !== undefined) expect(updateViolations(last, playlist)).toEqual([]);
        seen.set(rung, playlist);
        for (const { uri, mapUri } of playlist.entries)
          for (const name of [uri, mapUri ?? '']) expect(existsSync(path(owner, name))).toBe(true);
      }
    };
    for (let second = 0; second < 16; second += 1) {
      await encode(1);
      await look();
    }
    expect(owner.report).toMatchObject({
      activeMode: 'Transcode',
      transcodeObstacle: null,
      session: { state: 'Live' },
    });
    expect(SESSION.rungs.map((rung) => sectionsOf(seen.get(rung) as MediaPlaylist))).toEqual([
      ['source', '360p'],
      ['source', '240p'],
    ]);
    const newest = (seen.get('360p') as MediaPlaylist).entries.at(-1);
    expect(newest?.uri).toBe(`s/11112222.1/360p/${newest?.msn}.1.m4s`);
    expect(await readFile(path(owner, newest?.uri ?? ''))).toEqual(fragmentOf(newest?.msn ?? 0));
    expect(await readFile(path(owner, newest?.mapUri ?? ''))).toEqual(initOf('360p'));
    expect((await owner.files()).filter((name) => /\/(?:360|240)p\/.*\.mp4$/.test(name))).toHaveLength(2);
    apply({ mode: 'Proxy', session: SESSION });
    for (let second = 0; second < 6; second += 1) {
      await encode(1);
      await look();
    }
    expect(sectionsOf(seen.get('360p') as MediaPlaylist).slice(-2)).toEqual(['360p', 'source']);
    expect(sectionsOf(seen.get('source') as MediaPlaylist)).toEqual(['source']);
    expect([...seen.values()].flatMap(({ entries }) => entries.filter(({ discontinuity }) => discontinuity))).toEqual(
      [],
    );
    expect(await main()).toBe(before);
  });

  test('goes to Direct and comes back, rung by rung with the sections that its segments need', async () => {
    await owner.playlist('360p');
    apply({ mode: 'Transcode', session: SESSION });
    await encode(16);
    apply({ mode: 'Direct' });
    for (let second = 0; second < 8; second += 1) await owner.clock.advance(1_000);
    const { entries } = await listed(owner, '360p');
    expect(entries.at(-1)).toMatchObject({
      uri: expect.stringMatching(/^http:.*\.m4s$/),
      mapUri: `${owner.source.url.replace('index.m3u8', '')}init.mp4`,
    });
    expect(sectionsOf({ ...(await listed(owner, '360p')), entries: entries.slice(0, -3) })).toContain('360p');
  });

  test('lists a rung that was dropped with the section of the one that stands in for it', async () => {
    await owner.playlist('360p');
    apply({ mode: 'Transcode', session: SESSION });
    await encode(12);
    const report = {
      state: 'Encoding',
      encoder: 'libx264',
      fallback: '',
      speed: 1,
      outTimeSeconds: 1,
      fedMsn: 1,
      cpuPercent: null,
      memoryBytes: null,
      message: '',
    } as const;
    findDesk(owner.media, 'default', SESSION.name)?.report({ ...report, droppedRungs: ['360p'] });
    await encode(6, 1, ['240p']);
    expect(owner.report.activeMode).toBe('Transcode');
    const [high, low] = [await listed(owner, '360p'), await listed(owner, '240p')];
    expect([high.entries.at(-1)?.uri, high.entries.at(-1)?.mapUri]).toEqual([
      low.entries.at(-1)?.uri,
      low.entries.at(-1)?.mapUri,
    ]);
    expect(sectionsOf(high)).toEqual(['source', '360p', '240p']);
  });

  test('keeps the sections of its rungs while anything needs them, and removes them a window later', async () => {
    await owner.playlist('360p');
    apply({ mode: 'Transcode', session: SESSION });
    // Stored and never listed for minutes: a transcoder that is not asked for.
    await encode(10);
    apply({ mode: 'Proxy', session: SESSION });
    await encode(80);
    const section = async (): Promise<string[]> =>
      (await owner.files()).filter((name) => /\/360p\/.*\.mp4$/.test(name));
    expect(await section()).toHaveLength(1);
    apply({ mode: 'Transcode', session: SESSION });
    await encode(10);
    const newest = (await listed(owner, '360p')).entries.at(-1);
    expect(existsSync(path(owner, newest?.mapUri ?? 'none'))).toBe(true);
    expect(sectionsOf(await listed(owner, '360p')).at(-1)).toBe('360p');
    apply({ mode: 'Proxy' });
    for (let step = 0; step < 40; step += 1) await owner.clock.advance(2_000);
    expect(await section()).toEqual([]);
  });

  test('goes on after a restart of the sidecar with all that it had listed', async () => {
    edges = [owner];
    const route = { mode: 'Transcode', session: SESSION, ownerTerm: 32 } as const;
    apply({ ...route, mode: 'Proxy' });
    await owner.playlist('360p');
    apply(route);
    await encode(16);
    const before = await listed(owner, '360p');
    await owner.restart(2_000);
    apply({ ...route, source: { uri: owner.source.url, headers: {}, facts: owner.report.facts } });
    const after = await listed(owner, '360p');
    expect(updateViolations(before, after)).toEqual([]);
    expect(sectionsOf(after)).toContain('360p');
    for (const { uri, mapUri } of after.entries)
      for (const name of [uri, mapUri ?? '']) expect(existsSync(path(owner, name))).toBe(true);
  });

  test('shows the same at every edge, which fetches the section of a rung that is watched there, once', async () => {
    await Promise.all(edges.map((edge) => edge.playlist('360p')));
    apply({ mode: 'Transcode', session: SESSION });
    for (let second = 0; second < 20; second += 1) {
      await encode(1);
      for (const edge of edges) await edge.playlist('360p');
    }
    const texts = await Promise.all(edges.map((edge) => edge.playlist('360p')));
    expect(new Set(texts).size).toBe(1);
    const { entries } = parseMediaPlaylist(texts[0] ?? '');
    const section = entries.at(-1)?.mapUri ?? 'none';
    expect(SECTION.exec(section)?.[1]).toBe('360p');
    for (const edge of edges) expect(await readFile(path(edge, section))).toEqual(initOf('360p'));
    expect(owner.network.fetched.filter((line) => line.endsWith(section))).toHaveLength(2);
  });

  test('is handed over with the rungs that wait: no segment of a rung comes from the source', async () => {
    await other.playlist('360p');
    apply({ mode: 'Transcode', session: SESSION });
    await encode(16);
    let left = false;
    const leaving = owner.media.leave().then(() => {
      left = true;
    });
    for (let turn = 0; turn < 20 && !left; turn += 1) await owner.clock.advance(0);
    await leaving;
    await encode(26);
    const after = await listed(third, '360p');
    expect(sectionsOf(after)).toEqual(['360p']);
    for (const { uri, mapUri } of after.entries)
      for (const name of [uri, mapUri ?? '']) expect(await other.media.storedFile(UID, name)).not.toBeNull();
    expect(other.reports.map(({ session }) => session?.state).filter((state) => state !== 'Live')).toEqual([]);
  });

  test('gets its rungs back after the owner has died, and their sections with them', async () => {
    await Promise.all(edges.map((edge) => edge.playlist('360p')));
    apply({ mode: 'Transcode', session: SESSION });
    for (let second = 0; second < 16; second += 1) {
      await encode(1);
      await other.playlist('360p');
    }
    expect(sectionsOf(await listed(other, '360p')).at(-1)).toBe('360p');
    owner.network.remove('edge-1');
    await owner.media.close();
    edges = [other, third];
    for (let second = 0; second < 30; second += 1) {
      await encode(1);
      await other.playlist('360p');
    }
    expect(other.report).toMatchObject({ activeMode: 'Transcode', session: { state: 'Live' } });
    const { entries } = await listed(other, '360p');
    expect(entries.some(({ discontinuity }) => discontinuity)).toBe(false);
    const newest = entries.at(-1);
    expect(SECTION.exec(newest?.mapUri ?? '')?.[1]).toBe('360p');
    for (const name of [newest?.uri ?? '', newest?.mapUri ?? '']) expect(existsSync(path(other, name))).toBe(true);
  });

  test.each([
    ['no MP4', () => Buffer.from('<!doctype html>')],
    ['no section', () => fragmentOf(8)],
    ['another size', () => Buffer.concat([makeInit({ height: 480 }), fragmentOf(8)])],
    ['another start', () => Buffer.concat([initOf('360p'), fragmentOf(9)])],
    ['half a segment', () => Buffer.concat([initOf('360p'), fragmentOf(8)]).subarray(0, -100)],
  ])('takes nothing from a transcoder that is %s, and leaves nothing of it behind', async (_what, bytes) => {
    await owner.playlist('360p');
    apply({ mode: 'Transcode', session: SESSION });
    await owner.clock.advance(100);
    const desk = findDesk(owner.media, 'default', SESSION.name);
    expect(desk?.called(1)).toBe(true);
    const before = await owner.files();
    const putting = owner.during(async () => desk?.put(1, '360p', 8, 1, bytes()));
    await expect(putting).rejects.toMatchObject({ code: 'SEGMENT_BROKEN', status: 422 });
    expect(await owner.files()).toEqual(before);
  });

  test('gives its agent the section of each source segment', async () => {
    await owner.playlist('360p');
    apply({ mode: 'Transcode', session: SESSION });
    await owner.clock.advance(100);
    const desk = findDesk(owner.media, 'default', SESSION.name);
    const question = { epoch: 0, after: -1, attempt: 1, ended: undefined };
    const work = await desk?.work(question, AbortSignal.timeout(60_000), 20_000);
    expect(new Set(work?.segments.map(({ init }) => init))).toEqual(
      new Set([urisOf(await owner.playlist()).length > 0 ? (await listed(owner, 'source')).entries[0]?.mapUri : '']),
    );
    const [first] = work?.segments ?? [];
    expect(makeInit().equals((await desk?.init(1, first?.msn ?? 0)) ?? Buffer.alloc(0))).toBe(true);
    expect(fragmentOf(first?.msn ?? 0).equals((await desk?.source(1, first?.msn ?? 0)) ?? Buffer.alloc(0))).toBe(true);
    await expect(desk?.init(1, 99_999)).rejects.toMatchObject({ code: 'SEGMENT_UNKNOWN', status: 404 });
  });
});
