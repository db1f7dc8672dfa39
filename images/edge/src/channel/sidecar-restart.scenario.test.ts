import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { TestEdge, urisOf } from '../testing/edge.ts';
import { testRoute } from '../testing/route.ts';

const UID = testRoute('').uid;

describe('a channel whose sidecar starts again', () => {
  let edge: TestEdge;

  beforeEach(async () => {
    edge = await TestEdge.open();
  });

  afterEach(() => edge.close());

  test('goes on with its stored timeline after a restart of the sidecar', async () => {
    await edge.probed();
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    await edge.playlist();
    await edge.clock.advance(10_000);
    const before = urisOf(await edge.playlist());
    await edge.restart();
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    const after = urisOf(await edge.playlist());
    expect(after[0]).toBe(before[0]);
    expect(after.slice(0, before.length)).toEqual(before);
    await edge.clock.advance(6_000);
    expect(await edge.playlist()).not.toContain('DISCONTINUITY\n');
    expect(edge.report.epoch).toBe(1);
  });

  test.each(['Direct', 'Proxy'] as const)(
    'lists nothing of before after a long outage of the sidecar, in %s',
    async (mode) => {
      await edge.probed();
      edge.media.apply(testRoute(edge.source.url, { mode }));
      await edge.playlist();
      await edge.clock.advance(10_000);
      const before = urisOf(await edge.playlist());
      const lastMsn = edge.report.lastMsn;
      await edge.restart(600_000);
      edge.media.apply(testRoute(edge.source.url, { mode }));
      const text = await edge.playlist();
      expect(urisOf(text).filter((uri) => before.includes(uri))).toEqual([]);
      expect(urisOf(text).length).toBeGreaterThanOrEqual(3);
      expect(Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1])).toBeGreaterThan(lastMsn);
      const stored = mode === 'Direct' ? [] : await edge.files();
      expect(stored.filter((name) => before.includes(`s/${name}`))).toEqual([]);
    },
  );

  test('lists nothing of a stored timeline whose files are gone', async () => {
    await edge.probed();
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    await edge.playlist();
    await edge.clock.advance(4_000);
    const before = urisOf(await edge.playlist());
    await edge.media.close();
    await rm(join(edge.folder, 'live/default/film', before[2] ?? ''));
    await edge.restart();
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    await edge.clock.advance(10_000);
    const after = urisOf(await edge.playlist());
    expect(after.length).toBeGreaterThanOrEqual(3);
    expect(after.filter((uri) => before.includes(uri))).toEqual([]);
    const stored = await edge.files();
    expect(after.filter((uri) => !stored.includes(uri.slice(2)))).toEqual([]);
  });

  test('tells viewers of a dead source instead of listing what is older than itself', async () => {
    await edge.probed();
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    await edge.playlist();
    await edge.restart(600_000);
    edge.source.failure = { status: 404, body: '' };
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    const answer = edge.playlist();
    answer.catch(() => undefined);
    await edge.clock.advance(11_000);
    await expect(answer).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' });
  });

  test('forgets what an earlier run listed where nobody watches after the restart', async () => {
    await edge.probed();
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    await edge.playlist();
    await edge.restart();
    edge.media.apply(testRoute(edge.source.url));
    await edge.clock.advance(40_000);
    await expect(edge.files()).rejects.toThrow('ENOENT');
  });

  test('begins above the status where the stored timeline is lost', async () => {
    const resume = { epoch: 3, lastMsn: 500 };
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy', resume }));
    await edge.clock.advance(10);
    const text = await edge.playlist();
    expect(Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1])).toBeGreaterThan(500);
    expect(text).toContain('#EXT-X-DISCONTINUITY\n');
    expect(urisOf(text)[0]).toMatch(/^s\/11112222\.4\//);
  });

  test('leaves nothing when its Channel was deleted while the sidecar was down', async () => {
    await edge.probed();
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    await edge.playlist();
    await edge.restart();
    expect(await edge.files()).not.toEqual([]);
    edge.media.apply(testRoute(edge.source.url, { name: 'other', uid: 'other-uid', mode: 'Proxy' }));
    await edge.playlist('source', 'default/other');
    await edge.media.sweep();
    const left = await readdir(edge.folder, { recursive: true });
    expect(left).not.toContainEqual(expect.stringContaining('film'));
    expect(left).not.toContainEqual(expect.stringContaining(UID));
    expect(left).toContain('timelines/other-uid.json');
    const listed = urisOf(await edge.playlist('source', 'default/other'));
    expect(listed.filter((uri) => !left.includes(`live/default/other/${uri}`))).toEqual([]);
  });
});
