import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { inspectSegment } from '@sluice/common/mpegts/inspect.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { urisOf } from '../testing/edge.ts';
import { findDesk } from './desk.ts';
import { FakeAgent, SESSION, WorkStage } from './work-stage.testing.ts';

describe('a transcode session at its owner', () => {
  let stage: WorkStage;

  beforeEach(async () => {
    stage = await WorkStage.open();
  });

  afterEach(() => stage.close());

  test('is fed with the last two stored source segments first', async () => {
    await stage.transcode();
    expect(stage.edge.report.session?.state).toBe('Waiting');
    const work = await new FakeAgent(stage, 1).work();
    expect(work.segments.length).toBeGreaterThanOrEqual(2);
    expect(work.segments.at(-1)?.msn).toBe(stage.edge.source.newestMsn);
    expect(stage.edge.report.session?.state).toBe('Feeding');
    const bytes = await stage.call('GET', `source/${work.epoch}/${work.segments[0]?.msn}`);
    expect(bytes.status).toBe(200);
    expect(await stage.call('GET', `source/${work.epoch}/99999`)).toMatchObject({ status: 404 });
  });

  test('is fed as soon as a source segment is stored, long before that is published', async () => {
    await stage.transcode();
    const { epoch, segments } = await new FakeAgent(stage, 1).work();
    const newest = segments.at(-1)?.msn ?? 0;
    const desk = findDesk(stage.edge.media, 'default', 'film-1');
    const question = { epoch, after: newest, attempt: 1, ended: undefined };
    const polled = desk?.work(question, new AbortController().signal, 20_000);
    await stage.edge.clock.advance(2_000);
    expect((await polled)?.segments.map((one) => one.msn)).toEqual([newest + 1]);
    expect(stage.edge.media.ownerOfSession('default', 'film-1')?.report().lastMsn).toBeLessThanOrEqual(newest);
  });

  test('is listed in all rungs at the same segment once three rows in a row were in time', async () => {
    await stage.transcode();
    const worker = new FakeAgent(stage, 1);
    await worker.run(16);
    expect(stage.edge.report).toMatchObject({ activeMode: 'Transcode', session: { state: 'Live' } });
    const [high, low, source] = await Promise.all(['360p', '240p', 'source'].map((rung) => stage.edge.playlist(rung)));
    const firstOf = (text: string | undefined): number => urisOf(text ?? '').findIndex((uri) => uri.endsWith('.1.ts'));
    expect(firstOf(high)).toBeGreaterThan(2);
    expect(firstOf(high)).toBe(firstOf(low));
    expect(firstOf(source)).toBe(-1);
    expect(high).not.toContain('DISCONTINUITY\n');
    const joint = urisOf(high ?? '')[firstOf(high)] ?? '';
    const owner = stage.edge.media.ownerOfSession('default', 'film-1');
    const first = (await owner?.files.read(joint)) ?? new Uint8Array();
    expect(first[5]).toBe(0x80);
    const next = await owner?.files.read(urisOf(high ?? '')[firstOf(high) + 1] ?? '');
    expect(next?.length).toBe(first.length - 4 * 188);
    expect(inspectSegment(first).continuityErrors).toBe(0);
  });

  test('gives way to the source in all rungs when a row is late, and comes back after three rows', async () => {
    await stage.transcode();
    const worker = new FakeAgent(stage, 1);
    await worker.run(14);
    expect(stage.edge.report.session?.state).toBe('Live');
    await worker.run(4, ['360p']);
    expect(stage.edge.report).toMatchObject({ activeMode: 'Proxy', session: { state: 'Late' } });
    const back = urisOf(await stage.edge.playlist('240p')).at(-1) ?? '';
    expect(back).toMatch(/\.0\.ts$/);
    await worker.run(12);
    expect(stage.edge.report).toMatchObject({ activeMode: 'Transcode', session: { state: 'Live' } });
    const names = urisOf(await stage.edge.playlist('360p'));
    expect(names.some((uri) => /\/360p\/\d+\.0\.ts$/.test(uri))).toBe(true);
  });

  test('stays where the source declares a longer target duration, and keeps its segments short', async () => {
    await stage.transcode();
    const worker = new FakeAgent(stage, 1);
    await worker.run(14);
    stage.edge.source.declaredSeconds = 6;
    await worker.run(30);
    expect(stage.edge.report).toMatchObject({ activeMode: 'Transcode', session: { state: 'Live' } });
    const { entries, targetDurationSeconds } = parseMediaPlaylist(await stage.edge.playlist('360p'));
    expect(targetDurationSeconds).toBe(2);
    expect(entries.filter(({ uri }) => !uri.endsWith('.1.ts'))).toEqual([]);
  });

  test.each([
    { name: 'its last segment', afterSeconds: 0 },
    { name: 'nothing', afterSeconds: 1.2 },
  ])(
    'completes the last segment of a source that says with $name that it has ended, and is not needed then',
    async ({ afterSeconds }) => {
      stage.apply({ mode: 'Transcode', session: SESSION });
      await stage.edge.settle();
      const worker = new FakeAgent(stage, 1);
      await worker.run(14);
      expect(stage.edge.report).toMatchObject({ activeMode: 'Transcode', transcodeObstacle: null });
      const last = stage.edge.source.newestMsn + (afterSeconds === 0 ? 2 : 0);
      await worker.run(afterSeconds);
      stage.edge.source.lastMsn = last;
      await worker.run(10);
      const { entries, ended } = parseMediaPlaylist(await stage.edge.playlist('360p'));
      expect([ended, entries.at(-1)?.uri]).toEqual([
        true,
        expect.stringMatching(new RegExp(`/360p/${last}\\.1\\.ts$`)),
      ]);
      expect(stage.edge.report).toMatchObject({ activeMode: 'Proxy', transcodeObstacle: { reason: 'SourceEnded' } });
      expect((await stage.call('POST', 'drain', { body: '{}' })).body).toEqual({ done: true });
    },
  );

  test('goes on with a source that does', async () => {
    await stage.transcode();
    const worker = new FakeAgent(stage, 1);
    await worker.run(10);
    stage.edge.source.lastMsn = stage.edge.source.newestMsn;
    await worker.run(6);
    expect([worker.ended, stage.edge.report.activeMode]).toEqual([true, 'Proxy']);
    stage.edge.source.lastMsn = Number.POSITIVE_INFINITY;
    await worker.run(24);
    expect([worker.ended, stage.edge.report.transcodeObstacle]).toEqual([false, null]);
    expect(stage.edge.report).toMatchObject({ activeMode: 'Transcode', session: { state: 'Live' } });
  });

  test('ends at the next segment when the operator asks for Proxy', async () => {
    await stage.transcode();
    const worker = new FakeAgent(stage, 1);
    await worker.run(14);
    stage.apply({ mode: 'Proxy', session: SESSION });
    await worker.run(3);
    expect(stage.edge.report.activeMode).toBe('Proxy');
    expect((await stage.call('POST', 'drain', { body: '{}' })).body).toEqual({ done: true });
    stage.apply({ mode: 'Proxy' });
    await stage.edge.settle();
    expect((await worker.work()).stop).toBe(true);
  });

  test('hands over to the source when its pod drains', async () => {
    await stage.transcode();
    const worker = new FakeAgent(stage, 1);
    await worker.run(14);
    expect((await stage.call('POST', 'drain', { body: '{}' })).body).toEqual({ done: false });
    await worker.run(3);
    expect((await stage.call('POST', 'drain', { body: '{}' })).body).toEqual({ done: true });
  });

  test('works only with its newest attempt', async () => {
    await stage.transcode();
    await new FakeAgent(stage, 1).work();
    await new FakeAgent(stage, 2).work();
    const old = await stage.call('POST', 'report', { attempt: 1, body: '{}' });
    expect(old).toMatchObject({ status: 409, body: { error: { code: 'ATTEMPT_SUPERSEDED' } } });
    expect(stage.edge.report.session?.attempt).toBe(2);
  });
});
