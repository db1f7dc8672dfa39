import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { OwnerReport } from '@sluice/common/link/messages.ts';
import { createLogger } from '@sluice/common/log/log.ts';
import { addressGuard } from '../source/address.ts';
import { createSourceClient } from '../source/client.ts';
import { testRoute } from '../testing/route.ts';
import { SourceServer } from '../testing/source-server.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { createChannelService, type MediaSide } from './channels.ts';

const KEY = 'default/film';
const UID = testRoute('').uid;

/** Turns of the event loop without request or file operation after which nothing more follows by itself. */
const QUIET_TURNS = 8;

describe('a channel on an edge', () => {
  let folder: string;
  let clock: VirtualClock;
  let source: SourceServer;
  let media: MediaSide;
  let reports: OwnerReport[];
  let reading = 0;

  async function settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet += 1) {
      await nextTurn();
      const busy = reading > 0 || process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'));
      if (busy) quiet = 0;
    }
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-edge-'));
    clock = new VirtualClock(Date.UTC(2026, 0, 1), settle);
    source = new SourceServer({ now: clock.now });
    await source.listen();
    reports = [];
    media = open();
  });

  afterEach(async () => {
    await media.close();
    await source.close();
    await rm(folder, { recursive: true });
  });

  function open(): MediaSide {
    const client = createSourceClient(addressGuard(['127.0.0.0/8']));
    const service = createChannelService({
      client: {
        read: async (request) => {
          reading += 1;
          try {
            return await client.read(request);
          } finally {
            reading -= 1;
          }
        },
        close: () => client.close(),
      },
      mediaDirectory: folder,
      podUid: 'edge-1',
      clock,
      logger: createLogger({ name: 'test', level: 'silent' }),
    });
    service.onReport((report) => reports.push(report));
    return service;
  }

  async function playlist(rung = 'source'): Promise<string> {
    const answer = media.media(KEY, rung, AbortSignal.timeout(5_000));
    await settle();
    await clock.advance(0);
    return (await answer).text;
  }

  const lastReport = (): OwnerReport => reports.at(-1) as OwnerReport;
  const uris = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

  test('is probed when its route arrives, and rests', async () => {
    media.apply(testRoute(source.url));
    await clock.advance(10);
    expect(lastReport().facts).toMatchObject({
      container: 'mpegts',
      videoCodec: 'avc1.64001f',
      audioCodec: 'mp4a.40.2',
      height: 720,
      corsAllowed: true,
      startsWithKeyframe: true,
    });
    expect(lastReport()).toMatchObject({ activeMode: 'Idle', directObstacle: null, transcodeObstacle: null });
    const before = source.requests.length;
    await clock.advance(60_000);
    expect(source.requests.length).toBe(before);
  });

  test('names the source in Direct and fetches no media after the probe', async () => {
    media.apply(testRoute(source.url));
    await clock.advance(10);
    source.requests.length = 0;
    media.setLocalViewers(UID, 1);
    const text = await playlist();
    expect(uris(text).every((uri) => uri.startsWith('http://127.0.0.1:'))).toBe(true);
    expect(text).toContain('#EXT-X-TARGETDURATION:2\n');
    await clock.advance(30_000);
    expect(source.segmentRequests().size).toBe(0);
    expect(lastReport().activeMode).toBe('Direct');
  });

  test('fetches each segment once in Proxy for 20 clients at the same time', async () => {
    media.apply(testRoute(source.url));
    await clock.advance(10);
    source.requests.length = 0;
    media.apply(testRoute(source.url, { mode: 'Proxy', minimumMode: 'Proxy' }));
    for (let step = 0; step < 10; step += 1) {
      await Promise.all(Array.from({ length: 20 }, () => playlist()));
      await clock.advance(1_000);
    }
    const counts = [...source.segmentRequests().values()];
    expect(counts.length).toBeGreaterThan(8);
    expect(counts.every((count) => count === 1)).toBe(true);
    const listed = uris(await playlist('360p'));
    expect(listed[0]).toMatch(/^s\/11112222\.1\/source\/\d+\.0\.ts$/);
    const files = await readdir(join(folder, 'live', 'default', 'film', 's', '11112222.1', 'source'));
    expect(listed.every((uri) => files.includes(uri.split('/').at(-1) ?? ''))).toBe(true);
  });
});
