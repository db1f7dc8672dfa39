import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { EVENTS } from './events.ts';
import type { JsonObject } from './runtime/memory/fields.ts';
import { sessionReportFixture } from './testing/fixtures.ts';
import { Harness, SERVED } from './testing/harness.ts';

/** A machine with much else to do is slow; what a test waits for is bounded by the harness. */
jest.setTimeout(60_000);

/** The story of a channel as its events tell it: `<kind>/<name> <type> <reason>: <note>`. */
describe('the events', () => {
  let harness: Harness;
  let uid: string;

  beforeEach(async () => {
    harness = await Harness.create();
    uid = harness.addChannel({ delivery: { hysteresisSeconds: 0 } });
    await harness.start();
    await harness.until('a link', () => harness.edge.connected);
    harness.say({ type: 'synced' });
  });

  afterEach(async () => {
    await harness.close();
  });

  function story(): readonly string[] {
    return harness.api.store.list(SERVED.events).map(({ type, reason, note, regarding }) => {
      const { kind, name } = regarding as JsonObject;
      return `${kind}/${name} ${type} ${reason}: ${note}`;
    });
  }

  async function tells(line: string): Promise<void> {
    await harness.until(`the event ${line}, beside ${story().join('\n')}`, () => story().includes(line));
  }

  /** Five viewers, and a pod that was made for them. */
  async function transcoding(): Promise<void> {
    harness.join(uid, 1, 5);
    harness.report(uid, { activeMode: 'Proxy' });
    await harness.until('a pod', () => harness.names(SERVED.pods).includes('film-1-1'));
    await tells('Channel/film Normal SessionStarted: StreamSession film-1 created');
  }

  test('tell that viewers get the ladder, and that they do not any more', async () => {
    await transcoding();
    harness.podStatus('film-1-1', { phase: 'Running' });
    harness.report(uid, { activeMode: 'Transcode', session: sessionReportFixture() });
    await tells(
      'Channel/film Normal TranscodeLive: viewers get the ladder of StreamSession film-1 from pod film-1-1, encoded by libx264',
    );
    harness.report(uid, { session: sessionReportFixture({ state: 'Late', message: 'row 7 came late' }) });
    await tells('Channel/film Warning TranscodeLate: StreamSession film-1: row 7 came late');
  });

  test('tell of a pod that cannot start, and of one that fails, on session and Channel', async () => {
    await transcoding();
    const message = '0/3 nodes are available: 3 Insufficient cpu.';
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
    harness.podStatus('film-1-1', { phase: 'Pending', conditions: [condition] });
    await tells(`StreamSession/film-1 Warning PodNotStarted: pod film-1-1: ${message}`);
    await tells(`Channel/film Warning PodNotStarted: pod film-1-1: ${message}`);
    harness.podStatus('film-1-1', { phase: 'Failed', reason: 'Evicted', message: 'the node was low on memory' });
    await tells('Channel/film Warning PodFailed: pod film-1-1: Evicted: the node was low on memory');
  });

  test('tell of a pod that the API server does not take', async () => {
    const refusal = { kind: 'status', status: 403, reason: 'Forbidden', message: 'exceeded quota' } as const;
    harness.api.faults.plan(refusal, { method: 'POST', plural: 'pods' }, Infinity);
    harness.join(uid, 1, 5);
    harness.report(uid, { activeMode: 'Proxy' });
    await harness.until('the event', () =>
      story().some((line) => line.startsWith('Channel/film Warning PodRefused: ')),
    );
  });

  test('tell of a force kill and of a busy encoder once each', async () => {
    await transcoding();
    const time = new Date().toISOString();
    const incidents = [
      { reason: 'ResourceWarning' as const, message: 'FFmpeg has used 1.9 of 2 cores', time },
      { reason: 'ForceKillRequired' as const, message: 'FFmpeg did not end', time },
    ];
    harness.report(uid, { session: sessionReportFixture({ state: 'Feeding', incidents }) });
    harness.report(uid, { session: sessionReportFixture({ state: 'Aligned', incidents }) });
    await tells('Channel/film Warning ResourceWarning: pod film-1-1: FFmpeg has used 1.9 of 2 cores');
    await tells('Channel/film Warning ForceKillRequired: pod film-1-1: FFmpeg did not end');
    expect(story().filter((line) => line.includes('ForceKillRequired'))).toHaveLength(1);
  });

  test('tell of a session that cannot be deleted', async () => {
    const refusal = { kind: 'status', status: 403, reason: 'Forbidden' } as const;
    await transcoding();
    harness.api.faults.plan(refusal, { method: 'DELETE', plural: 'streamsessions' }, Infinity);
    harness.api.store.update(SERVED.sessions, 'tv', 'film-1', (session) => {
      session.status = { phase: 'Failed' };
    });
    await harness.until('the event', () =>
      story().some((line) =>
        line.startsWith('Channel/film Warning CleanupFailed: StreamSession film-1 cannot be deleted'),
      ),
    );
  });

  test('tell that a session has ended', async () => {
    await transcoding();
    harness.api.store.update(SERVED.sessions, 'tv', 'film-1', (session) => {
      session.status = { phase: 'Completed' };
    });
    await tells('Channel/film Normal SessionEnded: StreamSession film-1 deleted');
  });

  test('tell that a session was given up, and when the next may start', async () => {
    await transcoding();
    harness.api.store.update(SERVED.sessions, 'tv', 'film-1', (session) => {
      const succeeded = { type: 'Succeeded', status: 'False', reason: 'PodsFailed', message: '5 pods failed' };
      session.status = { phase: 'Failed', conditions: [{ ...succeeded, lastTransitionTime: '2026-11-21T12:00:00Z' }] };
    });
    await harness.until('the event', () =>
      story().some((line) =>
        /^Channel\/film Warning SessionFailed: StreamSession film-1 failed: 5 pods failed; the next may start at 20/.test(
          line,
        ),
      ),
    );
  });

  test('tell of a viewer who cannot reach the source', async () => {
    harness.join(uid, 1, 1);
    await harness.until('Direct', () => harness.route(uid)?.mode === 'Direct');
    harness.say({ type: 'sourceError', uid, message: 'networkError' });
    await tells('Channel/film Warning DirectSuspended: a viewer cannot reach the source: networkError');
    await tells('Channel/film Normal ModeChanged: Idle to Direct: 1 viewer');
  });

  test('tell that a source went away and came back', async () => {
    harness.join(uid, 1, 1);
    const health = { state: 'down', reason: 'SourceHttpStatus', message: 'the source answered 503' } as const;
    harness.report(uid, { activeMode: 'Direct', health });
    await tells('Channel/film Warning SourceUnreachable: http://source.example/index.m3u8: the source answered 503');
    harness.report(uid, { activeMode: 'Direct' });
    await tells('Channel/film Normal SourceRecovered: the source answers again');
  });

  test('have reasons and actions as Kubernetes wants them', () => {
    for (const [reason, { action }] of Object.entries(EVENTS)) {
      expect(reason).toMatch(/^[A-Z][A-Za-z]{0,127}$/);
      expect(action).toMatch(/^[A-Z][A-Za-z]{0,127}$/);
    }
  });
});
