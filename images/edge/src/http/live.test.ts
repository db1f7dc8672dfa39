import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { routeOf } from '../testing/channels.ts';
import { openViewerServer, type TestFront } from '../testing/front.ts';

let front: TestFront;
const count = (): number => front.audiences.local('uid-film').count;

beforeEach(async () => {
  front = await openViewerServer();
  front.routes.apply(routeOf());
});
afterEach(() => front.close());

describe('the multivariant playlist', () => {
  test('hands a minted id out once per request, is never stored and counts nobody', async () => {
    const answers = [
      await front.ask('/live/default/film/index.m3u8'),
      await front.ask('/live/default/film/index.m3u8'),
    ];
    const ids = answers.map(({ text }) => /source\.m3u8\?session=(s2\.\S+)/.exec(text)?.[1]);
    expect(new Set(ids).size).toBe(2);
    expect(ids).not.toContain(undefined);
    expect(answers[0]).toMatchObject({
      status: 200,
      headers: {
        'content-type': 'application/vnd.apple.mpegurl',
        'cache-control': 'no-store',
        'access-control-allow-origin': '*',
      },
    });
    expect(front.audiences.rememberedIds).toBe(0);
  });

  test("hands on a client's own id, from the query before CMCD", async () => {
    const cmcd = `CMCD=${encodeURIComponent('sid="from-cmcd"')}`;
    expect((await front.ask(`/live/default/film/index.m3u8?session=anna&${cmcd}`)).text).toContain('?session=anna\n');
    expect((await front.ask(`/live/default/film/index.m3u8?${cmcd}`)).text).toContain('?session=from-cmcd\n');
  });

  test('names no id where ids must stay out of URLs', async () => {
    front.routes.apply(routeOf({ identity: 'HeartbeatOnly' }));
    expect((await front.ask('/live/default/film/index.m3u8?session=anna')).text).not.toContain('session');
  });

  test('refuses a viewer of a full channel with the time to come again', async () => {
    front.routes.apply(routeOf({ maxViewers: 1 }));
    await front.ask('/live/default/film/source.m3u8?session=anna');
    const refused = await front.ask('/live/default/film/index.m3u8');
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '10', 'cache-control': 'no-store' } });
    expect(JSON.parse(refused.text)).toEqual({
      error: { code: 'STREAM_LIMIT_EXCEEDED', message: expect.stringContaining('default/film') },
    });
    expect((await front.ask('/live/default/film/index.m3u8?session=anna')).status).toBe(200);
    expect((await front.ask('/live/default/film/source.m3u8?session=bert')).status).toBe(429);
  });
});

describe('a media playlist', () => {
  test('is for programs and prefetching browsers too, who are nobody', async () => {
    const path = '/live/default/film/source.m3u8?session=anna';
    const crawler = { 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1)' };
    for (const headers of [crawler, { 'sec-purpose': 'prefetch' }] as Record<string, string>[]) {
      expect((await front.ask(path, { headers })).status).toBe(200);
    }
    expect((await front.ask(path, { method: 'HEAD' })).status).toBe(200);
    expect(front.audiences.rememberedIds).toBe(0);
  });

  test('takes a seat that the operator gives, and waits for its word', async () => {
    front.routes.apply(routeOf({ maxViewers: 1 }));
    const asked: string[][] = [];
    front.admissions.connect({
      send(message) {
        if (message.type !== 'admit') return;
        asked.push(message.ids);
        const [first = ''] = message.ids;
        const isFirst = asked.length === 1;
        const [admitted, refused] = isFirst ? [[first], []] : [[], [first]];
        front.admissions.answered({ type: 'admission', uid: 'uid-film', admitted, refused, undecided: [] });
      },
    });
    const head = await front.ask('/live/default/film/index.m3u8', { method: 'HEAD' });
    expect([head.status, asked]).toEqual([200, []]);
    expect((await front.ask('/live/default/film/index.m3u8')).status).toBe(200);
    expect((await front.ask('/live/default/film/index.m3u8')).status).toBe(429);
    expect(asked).toHaveLength(2);
    front.admissions.disconnect();
  });

  test('counts an adopted id at once and a minted one from its second request', async () => {
    await front.ask('/live/default/film/source.m3u8?session=anna');
    expect(count()).toBe(1);
    const { text } = await front.ask('/live/default/film/index.m3u8');
    const url = `/live/default/film/${/source\.m3u8\S+/.exec(text)?.[0]}`;
    await front.ask(url);
    expect(count()).toBe(1);
    await front.ask(url.replace('source', '720p'));
    expect(count()).toBe(2);
  });

  test('counts the CMCD session of header and query', async () => {
    await front.ask('/live/default/film/source.m3u8', { headers: { 'CMCD-Session': 'sf=h,sid="carl"' } });
    expect(count()).toBe(1);
    await front.ask(`/live/default/film/source.m3u8?CMCD=${encodeURIComponent('sid="carl"')}`);
    expect(count()).toBe(1);
  });

  test.each([
    ['a HEAD request', '/live/default/film/source.m3u8?session=anna', 'HEAD', 200],
    ['a request without id', '/live/default/film/source.m3u8', 'GET', 200],
    ['an unknown rung', '/live/default/film/4k.m3u8?session=anna', 'GET', 404],
    ['a segment', '/live/default/film/s/uid.1/source/7.0.ts?session=anna', 'GET', 404],
  ] as const)('does not count %s', async (_what, path, method, status) => {
    expect((await front.ask(path, { method })).status).toBe(status);
    expect(front.audiences.rememberedIds).toBe(0);
  });

  test('that is listed already is the same, by whichever way', async () => {
    const path = '/live/default/film/source.m3u8?session=anna';
    const waited = await front.ask(path);
    front.channels.listedPlaylists.set('default/film/source', { text: waited.text, maxAgeSeconds: 1 });
    const atOnce = await front.ask(path);
    const { date: _one, ...headers } = waited.headers;
    const { date: _other, ...others } = atOnce.headers;
    expect([atOnce.status, atOnce.text, others]).toEqual([200, waited.text, headers]);
    expect([count(), front.channels.askedFor]).toEqual([1, ['default/film/source']]);
    expect(front.polled).toEqual(['uid-film source', 'uid-film source']);
  });

  test.each([
    ['has got a limit', () => front.routes.apply(routeOf({ maxViewers: 5 })), ['uid-film source, limit 5']],
    ['is gone', () => front.routes.remove('uid-film'), []],
    ['is another one of its name', () => front.routes.apply(routeOf({ uid: 'uid-other' })), []],
  ])('that was waited for is told of by the channel as it is then, which %s', async (_what, change, polled) => {
    front.channels.media = async () => {
      change();
      return { text: '#EXTM3U', maxAgeSeconds: 1 };
    };
    expect((await front.ask('/live/default/film/source.m3u8?session=anna')).status).toBe(200);
    expect(front.polled).toEqual(polled);
  });

  test('that is listed already is nobody, too, for a program', async () => {
    front.channels.listedPlaylists.set('default/film/source', { text: '#EXTM3U', maxAgeSeconds: 1 });
    const headers = { 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1)' };
    expect((await front.ask('/live/default/film/source.m3u8?session=anna', { headers })).status).toBe(200);
    expect((await front.ask('/live/default/film/source.m3u8?session=anna', { method: 'HEAD' })).status).toBe(200);
    expect([front.audiences.rememberedIds, front.polled]).toEqual([0, []]);
  });

  test('may be kept by a shared cache only where no ids are in URLs', async () => {
    expect((await front.ask('/live/default/film/source.m3u8?session=a')).headers['cache-control']).toBe('no-cache');
    front.routes.apply(routeOf({ identity: 'HeartbeatOnly' }));
    expect((await front.ask('/live/default/film/source.m3u8')).headers['cache-control']).toBe('public, max-age=1');
  });
});

describe('a segment', () => {
  test.each(['GET', 'HEAD'] as const)('that is a file by now is left to nginx, asked by %s', async (method) => {
    front.channels.segments.add('s/uid.1/source/7.0.ts');
    const path = '/live/default/film/s/uid.1/source/7.0.ts';
    const { status, headers, text } = await front.ask(`${path}?session=anna`, { method });
    expect({ status, text }).toEqual({ status: 200, text: '' });
    expect(headers['x-accel-redirect']).toBe(path);
    // nginx would take these over.
    expect(headers).not.toHaveProperty('cache-control');
    expect(headers).not.toHaveProperty('content-type');
  });

  test('without room on the disk is sent as it came, with what nginx would say of it', async () => {
    front.channels.passing.set('s/uid.1/source/7.0.ts', Buffer.from('segment'));
    const path = '/live/default/film/s/uid.1/source/7.0.ts';
    const { status, headers, text } = await front.ask(path);
    expect({ status, text }).toEqual({ status: 200, text: 'segment' });
    expect(headers).toMatchObject({
      'content-type': 'video/mp2t',
      'content-length': '7',
      'cache-control': 'public, max-age=31536000, immutable',
      'access-control-allow-origin': '*',
      'x-accel-buffering': 'no',
    });
    expect(headers).not.toHaveProperty('x-accel-redirect');
    const head = await front.ask(path, { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.text]).toEqual([200, '7', '']);
  });

  test.each(['s/uid.1/source/..%2f7.ts', 's/uid.1/source/7/0.ts', 's/uid.1/7.0.ts', 's/'])(
    'is not looked for under the name %s',
    async (name) => {
      expect((await front.ask(`/live/default/film/${name}`)).text).toContain('NOT_FOUND');
    },
  );
});

describe('/live', () => {
  test.each([
    ['/live/default/news/index.m3u8', 'GET', 404, 'CHANNEL_UNKNOWN'],
    ['/live/default/film/4k.m3u8', 'GET', 404, 'RUNG_UNKNOWN'],
    ['/live/default/film/s/uid.1/source/7.0.ts', 'GET', 404, 'SEGMENT_UNKNOWN'],
    ['/live/default/film/', 'GET', 404, 'NOT_FOUND'],
    ['/live/default/%00/index.m3u8', 'GET', 404, 'NOT_FOUND'],
    ['/live/default/film/index.m3u8?session=a%20b', 'GET', 400, 'SESSION_INVALID'],
    ['/live/default/film/index.m3u8', 'POST', 405, 'METHOD_NOT_ALLOWED'],
    ['/live/default/film/index.m3u8', 'DELETE', 405, 'METHOD_NOT_ALLOWED'],
  ] as const)('%s by %s: %d %s', async (path, method, status, code) => {
    const answer = await front.ask(path, { method });
    expect(answer.status).toBe(status);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(JSON.parse(answer.text)).toEqual({ error: { code, message: expect.any(String) } });
  });

  test('answers preflight requests', async () => {
    const answer = await front.ask('/live/default/film/index.m3u8', { method: 'OPTIONS' });
    expect(answer.status).toBe(204);
    expect(answer.headers['access-control-allow-headers']).toContain('CMCD-Session');
  });

  test('does not tell viewers what went wrong inside', async () => {
    front.channels.multivariant = () => Promise.reject(new Error('password=secret'));
    const answer = await front.ask('/live/default/film/index.m3u8');
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('secret');
    expect(front.failures).toHaveLength(1);
  });
});
