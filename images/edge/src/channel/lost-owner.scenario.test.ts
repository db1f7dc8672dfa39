import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type TestEdge, urisOf } from '../testing/edge.ts';
import { testRoute } from '../testing/route.ts';
import { makeSegment } from '../testing/segment.ts';
import { ThreeEdges } from '../testing/three-edges.ts';
import type { Reread } from './reread.ts';

const UID = testRoute('').uid;
const KEY = 'default/film';

/** The owner has viewers, and a successor has just got one: it has a copy of the timeline, and hardly any file. */
describe('a channel whose owner is gone all at once', () => {
  let stage: ThreeEdges;
  let owner: TestEdge;
  let other: TestEdge;
  let third: TestEdge;
  let edges: readonly TestEdge[];
  let reread: Reread[];

  beforeEach(async () => {
    stage = await ThreeEdges.open({ ownerTerm: 16, mode: 'Proxy' });
    ({ owner, other, third, edges } = stage);
    reread = [];
    for (const edge of edges) edge.media.onReread((result) => reread.push(result));
  });

  afterEach(() => stage.close());

  const path = (edge: TestEdge, name: string): string => join(edge.folder, 'live', KEY, name);

  /** Lets the channel run, a viewer come to the successor, and the owner end. @returns the bytes that the owner had listed, by name, the oldest first */
  async function lose(before: (listed: readonly string[]) => void = () => {}): Promise<ReadonlyMap<string, Buffer>> {
    for (const edge of edges) edge.media.apply(stage.route());
    owner.media.setLocalViewers(UID, 1);
    await owner.clock.advance(40_000);
    other.media.setLocalViewers(UID, 1);
    const listed = urisOf(await other.playlist());
    expect(listed.filter((name) => existsSync(path(other, name))).length).toBeLessThan(3);
    const bytes = new Map<string, Buffer>();
    for (const name of listed) bytes.set(name, await readFile(path(owner, name)));
    before(listed);
    owner.source.requests.length = 0;
    owner.network.remove('edge-1');
    await owner.media.close();
    for (let second = 0; second < 6; second += 1) await owner.clock.advance(1_000);
    expect(other.report).toMatchObject({ ownerTerm: 17, activeMode: 'Proxy' });
    return bytes;
  }

  test('lists nothing that cannot be had: its new owner reads it again, once, the same bytes', async () => {
    const bytes = await lose();
    const listed = urisOf(await other.playlist()).filter((name) => bytes.has(name));
    expect(listed.length).toBeGreaterThan(6);
    for (const name of listed) {
      await expect(other.media.segment(KEY, name)).resolves.toBeNull();
      expect(await readFile(path(other, name))).toEqual(bytes.get(name));
    }
    expect(reread.length).toBeGreaterThan(6);
    expect(new Set(reread)).toEqual(new Set(['read']));
    expect(new Set(owner.source.segmentRequests().values())).toEqual(new Set([1]));
    // Others get it from there.
    const [oldest = ''] = listed;
    await third.playlist();
    await third.media.segment(KEY, oldest);
    expect(owner.network.fetched).toContain(`edge-2->edge-3 ${oldest}`);
  });

  test('answers 404 for what its source does not have any more, or not as it was, and asks for it once', async () => {
    let numbers: number[] = [];
    const bytes = await lose((listed) => {
      numbers = listed.map((name) => Number(/(\d+)\.0\.ts$/.exec(name)?.[1]));
      const [gone = 0, shortened = 0] = numbers.slice(5);
      owner.source.missing.add(`/live/a${gone}.ts`);
      owner.source.bytesOf = (msn) =>
        makeSegment({ startSeconds: 100 + 2 * msn, durationSeconds: msn === shortened ? 0.4 : 2 });
    });
    const [gone = '', shortened = '', ...newer] = [...bytes.keys()].slice(5);
    for (const name of [gone, shortened, gone]) {
      await expect(other.media.segment(KEY, name)).rejects.toMatchObject({ code: 'SEGMENT_UNKNOWN', status: 404 });
      expect(existsSync(path(other, name))).toBe(false);
    }
    for (const name of newer) await expect(other.media.segment(KEY, name)).resolves.toBeNull();
    expect(reread.filter((result) => result === 'lost')).toHaveLength(2);
    expect(new Set(owner.source.segmentRequests().values())).toEqual(new Set([1]));
    expect(await other.playlist()).not.toContain('DISCONTINUITY\n');
  });
});
