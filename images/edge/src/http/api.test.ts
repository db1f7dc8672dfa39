import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { reportOf, routeOf } from '../testing/channels.ts';
import { openViewerServer, type TestFront } from '../testing/front.ts';

let front: TestFront;
beforeEach(async () => {
  front = await openViewerServer();
  front.routes.apply(routeOf());
});
afterEach(() => front.close());

function post(path: string, body: unknown, type = 'application/json') {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return front.ask(path, { method: 'POST', headers: { 'content-type': type }, body: text });
}
const heartbeat = (body: unknown) => post('/api/stream/heartbeat', body);

describe('POST /api/stream/heartbeat', () => {
  test('counts the viewer and answers with everything a player needs', async () => {
    const answer = await heartbeat({ channelId: 'film', sessionId: 'anna' });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({
      viewerCount: 1,
      mode: 'idle',
      streamUrl: '/live/default/film/index.m3u8?session=anna',
      nextHeartbeatSeconds: 30,
    });
    expect(JSON.parse((await heartbeat({ channelId: 'default/film', sessionId: 'bert' })).text).viewerCount).toBe(2);
    expect(front.audiences.local('uid-film').count).toBe(2);
  });

  test('takes the body of a page that sends it without a content type of its own', async () => {
    const body = { channelId: 'film', sessionId: 'anna' };
    expect((await post('/api/stream/heartbeat', body, 'text/plain;charset=UTF-8')).status).toBe(200);
  });

  test('passes on that a source cannot be reached, but only where viewers fetch from it', async () => {
    const body = { channelId: 'film', sessionId: 'anna', sourceError: 'HTTP 403' };
    await heartbeat(body);
    expect(front.sourceErrors).toEqual([['uid-film', 'HTTP 403']]);
    front.routes.apply(routeOf({ mode: 'Proxy' }));
    front.channels.report(reportOf({ activeMode: 'Proxy' }));
    await heartbeat(body);
    expect(front.sourceErrors).toHaveLength(1);
  });

  test.each([
    ['{', 400, 'BAD_REQUEST'],
    ['7', 400, 'BAD_REQUEST'],
    ['{}', 400, 'BODY_INVALID'],
    ['', 400, 'BODY_INVALID'],
    ['{"channelId":"news","sessionId":"a"}', 404, 'CHANNEL_UNKNOWN'],
    [`{"channelId":"film","sessionId":"${'a'.repeat(129)}"}`, 400, 'BODY_INVALID'],
    [`"${'x'.repeat(5_000)}"`, 413, 'BODY_TOO_LARGE'],
  ])('of the body %.60s says %d %s', async (body, status, code) => {
    const answer = await heartbeat(body);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toEqual({ error: { code, message: expect.any(String) } });
    expect(front.failures).toEqual([]);
  });

  test('counts event reports of players as heartbeats, and those of the end as goodbyes', async () => {
    const report = (text: string) =>
      front.ask('/api/stream/default/film/cmcd', {
        method: 'POST',
        body: text,
        headers: { 'content-type': 'application/cmcd' },
      });
    expect((await report('e=ps,sid="anna",sta=p,v=2\ne=t,sid="bert",v=2\n')).status).toBe(204);
    expect(front.audiences.local('uid-film').count).toBe(2);
    await report('e=ps,sid="anna",sta=q,v=2\n');
    expect(front.audiences.local('uid-film').count).toBe(1);
    const unknown = await front.ask('/api/stream/news/cmcd', { method: 'POST', body: 'sid="anna"' });
    expect(unknown.status).toBe(404);
    expect((await front.ask('/api/stream/film/cmcd')).status).toBe(404);
  });

  test('counts the sessions of a batch beside one that is refused', async () => {
    front.routes.apply(routeOf({ maxViewers: 2 }));
    for (const sessionId of ['anna', 'bert']) await heartbeat({ channelId: 'film', sessionId });
    const body = 'e=t,sid="cleo",v=2\ne=t,sid="dora",v=2\ne=ps,sid="bert",sta=q,v=2\n';
    const answer = await front.ask('/api/stream/film/cmcd', { method: 'POST', body });
    expect(answer.status).toBe(429);
    const counted = ['anna', 'bert', 'cleo', 'dora'].filter((id) => front.audiences.isIn(routeOf(), id));
    expect(counted).toEqual(['anna', 'cleo']);
  });

  test('refuses new viewers of a full channel', async () => {
    front.routes.apply(routeOf({ maxViewers: 1 }));
    await heartbeat({ channelId: 'film', sessionId: 'anna' });
    const refused = await heartbeat({ channelId: 'film', sessionId: 'bert' });
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '10' } });
    expect(JSON.parse(refused.text).error.code).toBe('STREAM_LIMIT_EXCEEDED');
    expect((await heartbeat({ channelId: 'film', sessionId: 'anna' })).status).toBe(200);
  });
});

describe('POST /api/stream/leave', () => {
  test.each(['application/json', 'text/plain;charset=UTF-8'])(
    'takes a viewer away at once, sent as %s',
    async (type) => {
      await heartbeat({ channelId: 'film', sessionId: 'anna' });
      const answer = await post('/api/stream/leave', { channelId: 'film', sessionId: 'anna' }, type);
      expect(answer).toMatchObject({ status: 204, text: '' });
      expect(front.audiences.local('uid-film').count).toBe(0);
    },
  );

  test('does not mind a viewer that is not there', async () => {
    expect((await post('/api/stream/leave', { channelId: 'film', sessionId: 'nobody' })).status).toBe(204);
  });
});

describe('GET status, streams', () => {
  test('a bare name is in the namespace default', async () => {
    const answer = await front.ask('/api/stream/film/status');
    expect(JSON.parse(answer.text)).toMatchObject({ channelId: 'default/film', viewerCount: 0, mode: 'idle' });
    expect((await front.ask('/api/stream/default/film/status')).text).toBe(answer.text);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['access-control-allow-origin']).toBe('*');
  });

  test('only active channels are listed, and the list is at most a second old', async () => {
    front.routes.apply(routeOf({ name: 'news', uid: 'uid-news' }));
    const names = async () =>
      JSON.parse((await front.ask('/api/streams')).text).streams.map(
        ({ channelId }: { channelId: string }) => channelId,
      );
    expect(await names()).toEqual([]);
    await heartbeat({ channelId: 'news', sessionId: 'anna' });
    front.clock.now += 1_000;
    expect(await names()).toEqual(['default/news']);
  });

  test('nothing of the source comes out anywhere', async () => {
    await heartbeat({ channelId: 'film', sessionId: 'anna' });
    for (const path of ['/api/streams', '/api/stream/film/status']) {
      expect((await front.ask(path)).text).not.toMatch(/very-secret|source\.test/);
    }
  });

  test.each([
    ['/api/stream/news/status', 'GET', 404, 'CHANNEL_UNKNOWN'],
    ['/api/stream/news/events', 'GET', 404, 'CHANNEL_UNKNOWN'],
    ['/api/nothing', 'GET', 404, 'NOT_FOUND'],
    ['/internal/v1/sessions/a/b/work', 'GET', 404, 'NOT_FOUND'],
    ['/api/stream/%ff/status', 'GET', 400, 'BAD_REQUEST'],
    ['/api/streams', 'DELETE', 405, 'METHOD_NOT_ALLOWED'],
    ['/api/stream/heartbeat', 'GET', 405, 'METHOD_NOT_ALLOWED'],
  ] as const)('%s by %s: %d %s', async (path, method, status, code) => {
    const answer = await front.ask(path, { method });
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toEqual({ error: { code, message: expect.any(String) } });
  });

  test('answers preflight requests', async () => {
    const answer = await front.ask('/api/stream/heartbeat', { method: 'OPTIONS' });
    expect(answer.status).toBe(204);
    expect(answer.headers['access-control-allow-methods']).toContain('POST');
  });
});

describe('GET events', () => {
  test('streams the state and ends with the channel', async () => {
    const streaming = front.ask('/api/stream/film/events');
    while (front.events.listenerCount === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    front.routes.remove('uid-film');
    front.events.mark('default/film');
    front.events.flush();
    const { status, headers, text } = await streaming;
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/event-stream');
    expect(text.match(/^event: \w+$/gm)).toEqual(['event: mode', 'event: viewers', 'event: health']);
  });
});
