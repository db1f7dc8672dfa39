import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Route } from '@sluice/common/link/route.ts';
import { inspectSegment } from '@sluice/common/mpegts/inspect.ts';
import { MAX_SEGMENT_BYTES, type Work, workSchema } from '@sluice/common/work/contract.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { Agent, request } from 'undici';
import { MAX_BYTES_UNDER_WAY, ReadingRoom } from '../source/room.ts';
import { TestEdge, urisOf } from '../testing/edge.ts';
import { testRoute } from '../testing/route.ts';
import { makeSegment } from '../testing/segment.ts';
import { findDesk } from './desk.ts';
import { createWorkHandler } from './handler.ts';

const TOKEN = 'token-of-the-session';
const SESSION: NonNullable<Route['session']> = {
  name: 'film-1',
  uid: 'session-uid',
  tokenSha256: createHash('sha256').update(TOKEN).digest('hex'),
  rungs: ['360p', '240p'],
};

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

describe('a transcode session at its owner', () => {
  let edge: TestEdge;
  let server: Server;
  let agent: Agent;
  let room: ReadingRoom;

  beforeEach(async () => {
    edge = await TestEdge.open();
    agent = new Agent();
    room = new ReadingRoom();
    server = createServer(createWorkHandler({ ownerOfSession: (...of) => edge.media.ownerOfSession(...of) }, room));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    edge.media.apply(route({ mode: 'Proxy' }));
    await edge.clock.advance(10);
    await edge.playlist();
  });

  afterEach(async () => {
    await agent.destroy();
    await new Promise((resolve) => {
      server.close(resolve);
    });
    await edge.close();
  });

  function route(changes: Partial<Route>): Route {
    return testRoute(edge.source.url, changes);
  }

  function call(
    method: 'GET' | 'PUT' | 'POST',
    path: string,
    options: { body?: Buffer | string; attempt?: number; token?: string } = {},
  ): Promise<Answer> {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/internal/v1/sessions/default/film-1/${path}`;
    return edge.during(async () => {
      const response = await request(url, {
        method,
        dispatcher: agent,
        headers: {
          authorization: `Bearer ${options.token ?? TOKEN}`,
          'sluice-attempt': String(options.attempt ?? 1),
          'content-type': method === 'POST' ? 'application/json' : 'video/mp2t',
        },
        body: options.body ?? null,
      });
      const text = await response.body.text();
      const json = response.headers['content-type']?.includes('json') === true;
      return { status: response.statusCode, body: json ? JSON.parse(text) : text };
    });
  }

  const segment = (msn: number): Buffer => makeSegment({ startSeconds: 100 + msn * 2, durationSeconds: 2 });

  /** What a transcoder does that has just caught up: takes work and delivers each segment at once. */
  class FakeAgent {
    readonly attempt: number;
    epoch = 0;
    after = -1;
    ended = false;
    fed: number[] = [];

    constructor(attempt: number) {
      this.attempt = attempt;
    }

    async work(): Promise<Work> {
      const path = `work?epoch=${this.epoch}&after=${this.after}&ended=${this.ended}`;
      const answer = await call('GET', path, { attempt: this.attempt });
      return workSchema.parse(answer.body);
    }

    /**
     * Takes what is there (a long poll would hold the virtual clock) and delivers one segment behind it; the last one
     * when the source has ended.
     */
    async step(rungs: readonly string[] = SESSION.rungs): Promise<void> {
      const publisher = edge.media.ownerOfSession('default', 'film-1')?.publisher;
      const newest = publisher?.stored().at(-1)?.msn ?? -1;
      if (newest <= this.after && publisher?.hasWhole === this.ended) return;
      const work = await this.work();
      this.epoch = work.epoch;
      for (const { msn } of work.segments) {
        this.fed.push(msn);
        this.after = msn;
        if (this.fed.includes(msn - 1)) await this.#deliver(msn - 1, rungs);
      }
      this.ended = work.ended === true;
      if (this.ended) await this.#deliver(this.after, rungs);
    }

    async #deliver(msn: number, rungs: readonly string[]): Promise<void> {
      for (const rung of rungs) {
        const path = `segments/${this.epoch}/${rung}/${msn}`;
        const { status } = await call('PUT', path, { body: segment(msn), attempt: this.attempt });
        expect([200, 201]).toContain(status);
      }
    }

    /** Works for some seconds of film time; returns the names that the rung listed meanwhile. */
    async run(seconds: number, rungs?: readonly string[]): Promise<void> {
      for (let step = 0; step < seconds * 5; step += 1) {
        await edge.clock.advance(200);
        await this.step(rungs);
      }
    }
  }

  test('is refused with another token, and told apart from an unknown session by nothing', async () => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    const wrong = await call('GET', 'work?epoch=0&after=-1', { token: 'wrong' });
    edge.media.apply(route({ mode: 'Proxy', name: 'other', uid: 'other-uid' }));
    expect(wrong).toEqual({ status: 401, body: { error: expect.objectContaining({ code: 'SESSION_UNKNOWN' }) } });
  });

  test('is fed with the last two stored source segments first', async () => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    expect(edge.report.session?.state).toBe('Waiting');
    const work = await new FakeAgent(1).work();
    expect(work.segments.length).toBeGreaterThanOrEqual(2);
    expect(work.segments.at(-1)?.msn).toBe(edge.source.newestMsn);
    expect(edge.report.session?.state).toBe('Feeding');
    const bytes = await call('GET', `source/${work.epoch}/${work.segments[0]?.msn}`);
    expect(bytes.status).toBe(200);
    expect(await call('GET', `source/${work.epoch}/99999`)).toMatchObject({ status: 404 });
  });

  test('is fed as soon as a source segment is stored, long before that is published', async () => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    const { epoch, segments } = await new FakeAgent(1).work();
    const newest = segments.at(-1)?.msn ?? 0;
    const desk = findDesk(edge.media, 'default', 'film-1');
    const question = { epoch, after: newest, attempt: 1, ended: undefined };
    const polled = desk?.work(question, new AbortController().signal, 20_000);
    await edge.clock.advance(2_000);
    expect((await polled)?.segments.map((one) => one.msn)).toEqual([newest + 1]);
    expect(edge.media.ownerOfSession('default', 'film-1')?.report().lastMsn).toBeLessThanOrEqual(newest);
  });

  test('is listed in all rungs at the same segment once three rows in a row were in time', async () => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    const worker = new FakeAgent(1);
    await worker.run(16);
    expect(edge.report).toMatchObject({ activeMode: 'Transcode', session: { state: 'Live' } });
    const [high, low, source] = await Promise.all(['360p', '240p', 'source'].map((rung) => edge.playlist(rung)));
    const firstOf = (text: string | undefined): number => urisOf(text ?? '').findIndex((uri) => uri.endsWith('.1.ts'));
    expect(firstOf(high)).toBeGreaterThan(2);
    expect(firstOf(high)).toBe(firstOf(low));
    expect(firstOf(source)).toBe(-1);
    expect(high).not.toContain('DISCONTINUITY\n');
    const joint = urisOf(high ?? '')[firstOf(high)] ?? '';
    const owner = edge.media.ownerOfSession('default', 'film-1');
    const first = (await owner?.files.read(joint)) ?? new Uint8Array();
    expect(first[5]).toBe(0x80);
    const next = await owner?.files.read(urisOf(high ?? '')[firstOf(high) + 1] ?? '');
    expect(next?.length).toBe(first.length - 4 * 188);
    expect(inspectSegment(first).continuityErrors).toBe(0);
  });

  test('gives way to the source in all rungs when a row is late, and comes back after three rows', async () => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    const worker = new FakeAgent(1);
    await worker.run(14);
    expect(edge.report.session?.state).toBe('Live');
    await worker.run(4, ['360p']);
    expect(edge.report).toMatchObject({ activeMode: 'Proxy', session: { state: 'Late' } });
    const back = urisOf(await edge.playlist('240p')).at(-1) ?? '';
    expect(back).toMatch(/\.0\.ts$/);
    await worker.run(12);
    expect(edge.report).toMatchObject({ activeMode: 'Transcode', session: { state: 'Live' } });
    const names = urisOf(await edge.playlist('360p'));
    expect(names.some((uri) => /\/360p\/\d+\.0\.ts$/.test(uri))).toBe(true);
  });

  test.each([
    { name: 'its last segment', afterSeconds: 0 },
    { name: 'nothing', afterSeconds: 1.2 },
  ])(
    'completes the last segment of a source that says with $name that it has ended, and is not needed then',
    async ({ afterSeconds }) => {
      edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
      await edge.settle();
      const worker = new FakeAgent(1);
      await worker.run(14);
      expect(edge.report).toMatchObject({ activeMode: 'Transcode', transcodeObstacle: null });
      const last = edge.source.newestMsn + (afterSeconds === 0 ? 2 : 0);
      await worker.run(afterSeconds);
      edge.source.lastMsn = last;
      await worker.run(10);
      const { entries, ended } = parseMediaPlaylist(await edge.playlist('360p'));
      expect([ended, entries.at(-1)?.uri]).toEqual([
        true,
        expect.stringMatching(new RegExp(`/360p/${last}\\.1\\.ts$`)),
      ]);
      expect(edge.report).toMatchObject({ activeMode: 'Proxy', transcodeObstacle: { reason: 'SourceEnded' } });
      expect((await call('POST', 'drain', { body: '{}' })).body).toEqual({ done: true });
    },
  );

  test('goes on with a source that does', async () => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    const worker = new FakeAgent(1);
    await worker.run(10);
    edge.source.lastMsn = edge.source.newestMsn;
    await worker.run(6);
    expect([worker.ended, edge.report.activeMode]).toEqual([true, 'Proxy']);
    edge.source.lastMsn = Number.POSITIVE_INFINITY;
    await worker.run(24);
    expect([worker.ended, edge.report.transcodeObstacle]).toEqual([false, null]);
    expect(edge.report).toMatchObject({ activeMode: 'Transcode', session: { state: 'Live' } });
  });

  test('ends at the next segment when the operator asks for Proxy', async () => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    const worker = new FakeAgent(1);
    await worker.run(14);
    edge.media.apply(route({ mode: 'Proxy', session: SESSION }));
    await worker.run(3);
    expect(edge.report.activeMode).toBe('Proxy');
    expect((await call('POST', 'drain', { body: '{}' })).body).toEqual({ done: true });
    edge.media.apply(route({ mode: 'Proxy' }));
    await edge.settle();
    expect((await worker.work()).stop).toBe(true);
  });

  test.each([
    { name: 'a rung that it does not have', path: 'segments/1/1080p/10', status: 404, code: 'RUNG_UNKNOWN' },
    {
      name: 'a segment that the source does not have yet',
      path: 'segments/1/360p/999',
      status: 404,
      code: 'SEGMENT_UNKNOWN',
    },
    { name: 'an epoch that is not the present one', path: 'segments/2/360p/10', status: 410, code: 'EPOCH_OVER' },
    { name: 'a path out of its folder', path: 'segments/1/..%2Fsource/10', status: 400, code: 'BAD_REQUEST' },
  ])('is refused $name before its bytes are looked at', async ({ path, status, code }) => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    expect(await call('PUT', path, { body: 'no segment' })).toMatchObject({ status, body: { error: { code } } });
  });

  test('can hold only so many requests at a time', async () => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    const desk = findDesk(edge.media, 'default', 'film-1');
    const uploads = Array.from({ length: 4 }, () => desk?.enter(1_000));
    expect(await call('PUT', 'segments/1/360p/10', { body: segment(10) })).toMatchObject({
      status: 429,
      body: { error: { code: 'TOO_MANY_REQUESTS' } },
    });
    const polls = Array.from({ length: 28 }, () => desk?.enter(null));
    expect((await call('GET', 'work?epoch=0&after=-1')).status).toBe(429);
    for (const leave of [...uploads, ...polls]) leave?.();
    expect((await call('GET', 'work?epoch=0&after=-1')).status).toBe(200);
  });

  test('can hold only so many bytes of uploads at a time, and no poll waits for them', async () => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    const desk = findDesk(edge.media, 'default', 'film-1');
    const first = desk?.enter(MAX_SEGMENT_BYTES);
    expect(() => desk?.enter(MAX_SEGMENT_BYTES)).toThrow('too many requests');
    expect((await call('GET', 'work?epoch=0&after=-1')).status).toBe(200);
    first?.();
    desk?.enter(MAX_SEGMENT_BYTES)();
  });

  test('gets no room for an upload where uploads of others fill it with smaller ones', async () => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    const others = room.enter(() => {});
    others.grow(1_000);
    const rest = room.enter(() => {});
    rest.grow(MAX_BYTES_UNDER_WAY - 1_000);
    const newest = edge.media.ownerOfSession('default', 'film-1')?.publisher.stored().at(-1)?.msn ?? 0;
    const put = () => call('PUT', `segments/1/360p/${newest}`, { body: segment(newest) });
    // The largest goes, which is not this one.
    expect((await put()).status).toBe(201);
    const small = Array.from({ length: 16_000 }, () => room.enter(() => {}));
    for (const one of small) one.grow(10_000);
    expect(await put()).toMatchObject({ status: 503, body: { error: { code: 'EDGE_BUSY' } } });
    for (const one of [others, rest, ...small]) one.release();
    expect((await put()).status).toBe(200);
  });

  test.each([
    {
      name: 'too long',
      headers: { 'content-length': `${MAX_SEGMENT_BYTES + 1}` },
      status: 413,
      code: 'BODY_TOO_LARGE',
    },
    { name: 'without a length', headers: { 'transfer-encoding': 'chunked' }, status: 411, code: 'LENGTH_REQUIRED' },
  ])('is refused an upload that is $name before it begins', async ({ headers, status, code }) => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    const sent = { authorization: `Bearer ${TOKEN}`, 'sluice-attempt': '1', connection: 'close', ...headers };
    const port = (server.address() as AddressInfo).port;
    const lines = Object.entries(sent).map(([name, value]) => `${name}: ${value}\r\n`);
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `PUT /internal/v1/sessions/default/film-1/segments/1/360p/10 HTTP/1.1\r\nhost: e\r\n${lines.join('')}\r\n`,
    );
    const [answer] = await once(socket, 'data');
    socket.destroy();
    expect(String(answer)).toContain(`HTTP/1.1 ${status}`);
    expect(String(answer)).toContain(code);
  });

  test('may say at most a thousand characters to the operator, and when its first segments were there', async () => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    const report = {
      state: 'Encoding',
      encoder: 'libx264',
      speed: 1,
      outTimeSeconds: 1,
      fedMsn: 1,
      droppedRungs: [],
      cpuPercent: null,
      memoryBytes: null,
      message: 'x'.repeat(5_000),
      firstSegmentsSeconds: 2.7,
    };
    expect((await call('POST', 'report', { body: JSON.stringify(report) })).status).toBe(200);
    expect(edge.report.session?.message).toHaveLength(1_000);
    expect(edge.report.session?.firstSegmentsSeconds).toBe(2.7);
  });

  test('hands over to the source when its pod drains', async () => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    const worker = new FakeAgent(1);
    await worker.run(14);
    expect((await call('POST', 'drain', { body: '{}' })).body).toEqual({ done: false });
    await worker.run(3);
    expect((await call('POST', 'drain', { body: '{}' })).body).toEqual({ done: true });
  });

  test('works only with its newest attempt', async () => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    await new FakeAgent(1).work();
    await new FakeAgent(2).work();
    const old = await call('POST', 'report', { attempt: 1, body: '{}' });
    expect(old).toMatchObject({ status: 409, body: { error: { code: 'ATTEMPT_SUPERSEDED' } } });
    expect(edge.report.session?.attempt).toBe(2);
  });

  test.each([
    { name: 'no TS', body: Buffer.from('hello'), status: 422 },
    { name: 'no bytes', body: Buffer.alloc(0), status: 422 },
    {
      name: 'no keyframe at its start',
      body: makeSegment({ startSeconds: 118, durationSeconds: 2, keyframe: false }),
      status: 422,
    },
    { name: 'another start', body: makeSegment({ startSeconds: 118.5, durationSeconds: 2 }), status: 422 },
    { name: 'the right start', body: makeSegment({ startSeconds: 118, durationSeconds: 2 }), status: 201 },
  ])('answers a segment with $name by $status', async ({ body, status }) => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    const work = await new FakeAgent(1).work();
    expect(work.segments.at(-1)?.msn).toBe(9);
    expect((await call('PUT', `segments/${work.epoch}/360p/9`, { body })).status).toBe(status);
  });

  test.each([
    { path: 'segments/1/1080p/9', status: 404, code: 'RUNG_UNKNOWN' },
    { path: 'segments/7/360p/9', status: 410, code: 'EPOCH_OVER' },
    { path: 'segments/1/360p/900', status: 404, code: 'SEGMENT_UNKNOWN' },
    { path: 'segments/x/360p/9', status: 400, code: 'BAD_REQUEST' },
  ])('answers PUT $path with $code', async ({ path, status, code }) => {
    edge.media.apply(route({ mode: 'Transcode', session: SESSION }));
    await edge.settle();
    expect(await call('PUT', path, { body: segment(9) })).toMatchObject({ status, body: { error: { code } } });
  });
});
