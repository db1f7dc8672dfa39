import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { routeOf } from '../testing/channels.ts';
import { openViewerServer, type TestFront } from '../testing/front.ts';

let front: TestFront;
const ownedBy = (address: string) => routeOf({ owners: [{ podName: 'edge-1', podUid: 'another-pod', address }] });
const heartbeat = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: '{"channelId":"film","sessionId":"anna"}',
} as const;

beforeEach(async () => {
  front = await openViewerServer();
});
afterEach(() => front.close());

describe("what viewers ask about another edge's channel", () => {
  test.each([
    ['/live/default/film/index.m3u8?session=anna', {}, '@relay'],
    ['/live/default/film/source.m3u8?session=anna', {}, '@relay'],
    ['/live/default/film/source.m3u8', { method: 'HEAD' }, '@relay'],
    ['/live/default/film/s/11112222.1/source/7.0.ts', {}, '@relay'],
    ['/api/stream/heartbeat', heartbeat, '@relay'],
    ['/api/stream/leave', heartbeat, '@relay'],
    ['/api/stream/film/status', {}, '@relay'],
    ['/api/stream/default/film/events', {}, '@relay_events'],
  ] as const)('%s goes to its relay port, and nobody is counted here', async (path, options, location) => {
    front.routes.apply(ownedBy('10.1.2.3:8081'));
    const { status, headers, text } = await front.ask(path, options);
    expect({ status, text }).toEqual({ status: 200, text: '' });
    expect(headers).toMatchObject({ 'sluice-owner': '10.1.2.3:8082', 'x-accel-redirect': location });
    // nginx would add these to the owner's own.
    expect(headers).not.toHaveProperty('cache-control');
    expect(headers).not.toHaveProperty('content-type');
    expect(front.audiences.rememberedIds).toBe(0);
  });

  test('is relayed no further, and refused with the time to come again', async () => {
    front.routes.apply(ownedBy('10.1.2.3:8081'));
    const marked = { headers: { 'sluice-relayed': '1' } };
    for (const path of ['/live/default/film/source.m3u8', '/api/stream/film/status', '/live/default/news/index.m3u8']) {
      const answer = await front.ask(path, marked);
      expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1', 'cache-control': 'no-store' } });
      expect(answer.headers).not.toHaveProperty('x-accel-redirect');
      expect(JSON.parse(answer.text)).toEqual({
        error: { code: 'OWNER_UNREACHABLE', message: expect.stringContaining('default/') },
      });
    }
  });

  test.each(['[fd00::7]:8081', '10.0.0.7:8081'])('reaches an owner at %s', async (address) => {
    front.routes.apply(ownedBy(address));
    const { headers } = await front.ask('/live/default/film/source.m3u8');
    expect(headers['sluice-owner']).toBe(address.replace('8081', '8082'));
  });

  test.each(['', 'evil.example:8081', 'fd00::7:8081', '10.0.0.7', '10.0.0.7/x:80', '10.0.0.7@evil.example:80'])(
    'never goes to "%s", which is no address of a pod',
    async (address) => {
      front.routes.apply(ownedBy(address));
      expect((await front.ask('/live/default/film/source.m3u8')).status).toBe(503);
    },
  );

  test('is answered here where the mark says that another edge asks, and the channel is ours', async () => {
    front.routes.apply(routeOf());
    const marked = { headers: { 'sluice-relayed': '1' } };
    expect((await front.ask('/live/default/film/source.m3u8?session=anna', marked)).status).toBe(200);
    expect(front.audiences.local('uid-film').count).toBe(1);
  });
});
