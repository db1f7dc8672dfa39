import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MAX_SEGMENT_BYTES } from '@sluice/common/work/contract.ts';
import { MAX_BYTES_UNDER_WAY } from '../source/room.ts';
import { makeSegment } from '../testing/segment.ts';
import { findDesk } from './desk.ts';
import { FakeAgent, segmentOf, TOKEN, WorkStage } from './work-stage.testing.ts';

describe('an agent of a transcode session', () => {
  let stage: WorkStage;

  beforeEach(async () => {
    stage = await WorkStage.open();
  });

  afterEach(() => stage.close());

  test('is refused with another token, and told apart from an unknown session by nothing', async () => {
    await stage.transcode();
    const wrong = await stage.call('GET', 'work?epoch=0&after=-1', { token: 'wrong' });
    stage.apply({ mode: 'Proxy', name: 'other', uid: 'other-uid' });
    expect(wrong).toEqual({ status: 401, body: { error: expect.objectContaining({ code: 'SESSION_UNKNOWN' }) } });
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
    await stage.transcode();
    expect(await stage.call('PUT', path, { body: 'no segment' })).toMatchObject({ status, body: { error: { code } } });
  });

  test('can hold only so many requests at a time', async () => {
    await stage.transcode();
    const desk = findDesk(stage.edge.media, 'default', 'film-1');
    const uploads = Array.from({ length: 4 }, () => desk?.enter(1_000));
    expect(await stage.call('PUT', 'segments/1/360p/10', { body: segmentOf(10) })).toMatchObject({
      status: 429,
      body: { error: { code: 'TOO_MANY_REQUESTS' } },
    });
    const polls = Array.from({ length: 28 }, () => desk?.enter(null));
    expect((await stage.call('GET', 'work?epoch=0&after=-1')).status).toBe(429);
    for (const leave of [...uploads, ...polls]) leave?.();
    expect((await stage.call('GET', 'work?epoch=0&after=-1')).status).toBe(200);
  });

  test('can hold only so many bytes of uploads at a time, and no poll waits for them', async () => {
    await stage.transcode();
    const desk = findDesk(stage.edge.media, 'default', 'film-1');
    const first = desk?.enter(MAX_SEGMENT_BYTES);
    expect(() => desk?.enter(MAX_SEGMENT_BYTES)).toThrow('too many requests');
    expect((await stage.call('GET', 'work?epoch=0&after=-1')).status).toBe(200);
    first?.();
    desk?.enter(MAX_SEGMENT_BYTES)();
  });

  test('gets no room for an upload where uploads of others fill it with smaller ones', async () => {
    await stage.transcode();
    const others = stage.room.enter(() => {});
    others.grow(1_000);
    const rest = stage.room.enter(() => {});
    rest.grow(MAX_BYTES_UNDER_WAY - 1_000);
    const newest = stage.edge.media.ownerOfSession('default', 'film-1')?.publisher.stored().at(-1)?.msn ?? 0;
    const put = () => stage.call('PUT', `segments/1/360p/${newest}`, { body: segmentOf(newest) });
    // The largest goes, which is not this one.
    expect((await put()).status).toBe(201);
    const small = Array.from({ length: 16_000 }, () => stage.room.enter(() => {}));
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
    await stage.transcode();
    const sent = { authorization: `Bearer ${TOKEN}`, 'sluice-attempt': '1', connection: 'close', ...headers };
    const port = stage.port;
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
    await stage.transcode();
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
    expect((await stage.call('POST', 'report', { body: JSON.stringify(report) })).status).toBe(200);
    expect(stage.edge.report.session?.message).toHaveLength(1_000);
    expect(stage.edge.report.session?.firstSegmentsSeconds).toBe(2.7);
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
    await stage.transcode();
    const work = await new FakeAgent(stage, 1).work();
    expect(work.segments.at(-1)?.msn).toBe(9);
    expect((await stage.call('PUT', `segments/${work.epoch}/360p/9`, { body })).status).toBe(status);
  });

  test.each([
    { path: 'segments/1/1080p/9', status: 404, code: 'RUNG_UNKNOWN' },
    { path: 'segments/7/360p/9', status: 410, code: 'EPOCH_OVER' },
    { path: 'segments/1/360p/900', status: 404, code: 'SEGMENT_UNKNOWN' },
    { path: 'segments/x/360p/9', status: 400, code: 'BAD_REQUEST' },
  ])('answers PUT $path with $code', async ({ path, status, code }) => {
    await stage.transcode();
    expect(await stage.call('PUT', path, { body: segmentOf(9) })).toMatchObject({ status, body: { error: { code } } });
  });
});
