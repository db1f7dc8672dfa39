import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { TestEdge, urisOf } from '../testing/edge.ts';
import { testRoute } from '../testing/route.ts';
import { ChannelOwner } from './owner.ts';

const UID = testRoute('').uid;

describe('a channel on an edge', () => {
  let edge: TestEdge;

  beforeEach(async () => {
    edge = await TestEdge.open();
  });

  afterEach(() => edge.close());

  test('is probed when its route arrives, and rests', async () => {
    await edge.probed();
    expect(edge.report.facts).toMatchObject({
      container: 'mpegts',
      videoCodec: 'avc1.64001f',
      audioCodec: 'mp4a.40.2',
      height: 720,
      corsAllowed: true,
      startsWithKeyframe: true,
    });
    expect(edge.report).toMatchObject({ activeMode: 'Idle', directObstacle: null, transcodeObstacle: null });
    await edge.clock.advance(60_000);
    expect(edge.source.requests).toEqual([]);
  });

  test('names the source in Direct and fetches no media after the probe', async () => {
    await edge.probed();
    edge.media.setLocalViewers(UID, 1);
    const text = await edge.playlist();
    expect(urisOf(text).every((uri) => uri.startsWith('http://127.0.0.1:'))).toBe(true);
    expect(text).toContain('#EXT-X-TARGETDURATION:2\n');
    await edge.clock.advance(30_000);
    expect(edge.source.segmentRequests().size).toBe(0);
    expect(edge.report.activeMode).toBe('Direct');
  });

  test('fetches each segment once in Proxy for 20 clients at the same time', async () => {
    await edge.probed();
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    for (let step = 0; step < 10; step += 1) {
      await Promise.all(Array.from({ length: 20 }, () => edge.playlist()));
      await edge.clock.advance(1_000);
    }
    const counts = [...edge.source.segmentRequests().values()];
    expect(counts.length).toBeGreaterThan(8);
    expect(counts.every((count) => count === 1)).toBe(true);
    const listed = urisOf(await edge.playlist('360p'));
    expect(listed[0]).toMatch(/^s\/11112222\.1\/source\/\d+\.0\.ts$/);
    const stored = await edge.files();
    expect(listed.every((uri) => stored.includes(uri.slice(2)))).toBe(true);
  });

  test('publishes a constant lag of one target duration and half a second behind the source', async () => {
    await edge.probed();
    edge.media.apply(testRoute(edge.source.url, { mode: 'Direct' }));
    await edge.playlist();
    for (let step = 0; step < 50; step += 1) {
      await edge.clock.advance(200);
      const newest = Number(/a(\d+)\.ts$/.exec(urisOf(await edge.playlist()).at(-1) ?? '')?.[1]);
      const behind = edge.source.newestMsn - newest;
      expect(behind).toBeGreaterThanOrEqual(1);
      expect(behind).toBeLessThanOrEqual(2);
    }
  });

  test('keeps files one window after they left the playlist, and nothing of a channel that sleeps', async () => {
    await edge.probed();
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    await edge.playlist();
    await edge.clock.advance(120_000);
    const stored = (await edge.files()).filter((name) => name.endsWith('.ts'));
    expect(stored.length).toBeGreaterThanOrEqual(24);
    expect(stored.length).toBeLessThanOrEqual(29);
    edge.media.apply(testRoute(edge.source.url));
    await edge.clock.advance(11_000);
    expect(edge.report.activeMode).toBe('Idle');
    edge.source.requests.length = 0;
    await edge.clock.advance(40_000);
    expect(edge.source.requests).toEqual([]);
    await expect(edge.files()).rejects.toThrow('ENOENT');
  });

  test('goes on above its old numbers when it wakes', async () => {
    await edge.probed();
    edge.media.setLocalViewers(UID, 1);
    await edge.playlist();
    await edge.clock.advance(10_000);
    const before = Number(/MEDIA-SEQUENCE:(\d+)/.exec(await edge.playlist())?.[1]);
    edge.media.setLocalViewers(UID, 0);
    await edge.clock.advance(100_000);
    expect(edge.report.activeMode).toBe('Idle');
    edge.media.setLocalViewers(UID, 1);
    const text = await edge.playlist();
    expect(Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1])).toBeGreaterThan(before + 12);
    expect(text).not.toContain('DISCONTINUITY\n');
    expect(edge.report.epoch).toBe(1);
  });

  test('opens an epoch with a discontinuity when its source begins its numbers anew', async () => {
    await edge.probed();
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    await edge.playlist();
    edge.source.restart(0, 'b');
    await edge.clock.advance(8_000);
    const lines = (await edge.playlist()).split('\n');
    const at = lines.indexOf('#EXT-X-DISCONTINUITY');
    expect(lines[at + 2]).toMatch(/^s\/11112222\.2\/source\/\d+\.0\.ts$/);
    const last = Number(/(\d+)\.0\.ts/.exec(lines[at - 1] ?? '')?.[1]);
    expect(lines[at + 2]).toContain(`/${last + 1}.0.ts`);
  });

  test('is not woken by a question for a rendition that it does not have', async () => {
    await edge.probed();
    const answer = edge.media.media('default/film', '999p', AbortSignal.timeout(60_000));
    await expect(answer).rejects.toMatchObject({ code: 'RUNG_UNKNOWN', status: 404 });
    await edge.clock.advance(5_000);
    expect(edge.source.requests).toEqual([]);
  });

  test('lists a segment that the source has lost as a gap and goes on', async () => {
    await edge.probed();
    edge.source.missing.add('/live/a11.ts');
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    await edge.playlist();
    await edge.clock.advance(10_000);
    const text = await edge.playlist();
    expect(text).toMatch(
      /#EXT-X-GAP\n#EXTINF:2\.000,\ns\/11112222\.1\/source\/11\.0\.ts\n#EXTINF:2\.000,\n.*\/12\.0\.ts/,
    );
  });

  test.each([
    { name: 'a source that is down', failure: { status: 500, body: '' }, reason: 'SourceHttpStatus' },
    { name: 'a source that is gone', failure: { status: 404, body: '' }, reason: 'SourceNotFound' },
    { name: 'a web page', failure: { status: 200, body: '<html>' }, reason: 'NotAPlaylist' },
  ])('tells viewers of $name at once, and the operator why', async ({ failure, reason }) => {
    edge.source.failure = failure;
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    const answer = edge.media.media('default/film', 'source', AbortSignal.timeout(60_000));
    answer.catch(() => undefined);
    await edge.clock.advance(9_000);
    await expect(answer).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE', status: 503, retryAfterSeconds: 5 });
    expect(edge.report.health).toMatchObject({ state: 'down', reason });
    edge.source.failure = null;
    await edge.clock.advance(16_000);
    expect(urisOf(await edge.playlist()).length).toBeGreaterThan(3);
    expect(edge.report.health.state).toBe('healthy');
  });

  test('keeps what is listed while the source is down', async () => {
    await edge.probed();
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    await edge.playlist();
    await edge.clock.advance(5_000);
    edge.source.failure = { status: 503, body: '' };
    await edge.clock.advance(20_000);
    expect(urisOf(await edge.playlist()).length).toBeGreaterThan(5);
    expect(edge.report.health).toMatchObject({ state: 'down', reason: 'SourceHttpStatus' });
  });

  test('answers CHANNEL_UNKNOWN and leaves no file when it is removed', async () => {
    await edge.probed();
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    await edge.playlist();
    await edge.media.remove(UID);
    await expect(edge.playlist()).rejects.toMatchObject({ code: 'CHANNEL_UNKNOWN', status: 404 });
    expect(await readdir(edge.folder, { recursive: true })).not.toContainEqual(expect.stringContaining('film'));
    expect(edge.clock.size).toBe(0);
  });

  test('is tried again, with longer and longer pauses, while its volume cannot be opened', async () => {
    const open = jest.spyOn(ChannelOwner, 'open');
    for (let times = 0; times < 3; times += 1) open.mockRejectedValueOnce(new Error('EMFILE'));
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    await expect(edge.playlist()).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' });
    const tries: number[] = [];
    for (let second = 0; second < 8; second += 1) {
      tries.push(open.mock.calls.length);
      await edge.clock.advance(1_000);
    }
    open.mockRestore();
    expect(tries).toEqual([1, 2, 2, 3, 3, 3, 3, 4]);
    expect(urisOf(await edge.playlist()).length).toBeGreaterThan(2);
  });

  test('is not tried again when it was removed meanwhile', async () => {
    const open = jest.spyOn(ChannelOwner, 'open').mockRejectedValueOnce(new Error('EMFILE'));
    edge.media.apply(testRoute(edge.source.url, { mode: 'Proxy' }));
    await edge.clock.advance(500);
    await edge.media.remove(UID);
    await edge.clock.advance(60_000);
    expect(open).toHaveBeenCalledTimes(1);
    open.mockRestore();
    expect(edge.clock.size).toBe(0);
  });
});
