import { describe, expect, test } from '@jest/globals';
import { factsFixture } from '@sluice/common/link/facts.testing.ts';
import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { type ChannelStatus, channelStatusSchema } from '@sluice/crds';
import { channelFixture, sessionReportFixture } from '../testing/fixtures.ts';
import { remember } from './memory.ts';
import { condition, EDGE, NOW, OPEN, plan, type Scene, session } from './plan-scene.testing.ts';

describe('the plan for a channel', () => {
  test('of an idle one is a route, a URL and no wake-up', () => {
    const { route, status, wakeAfterSeconds, createSession } = plan({});
    expect(route).toMatchObject({ mode: 'Idle', owners: [{ podName: 'edge-a', address: '10.0.0.1:8081' }] });
    expect(status).toMatchObject({ mode: 'Idle', url: 'https://tv.example/live/tv/film/index.m3u8', decisions: [] });
    expect([wakeAfterSeconds, createSession]).toEqual([null, null]);
    expect(condition(status, 'Ready')).toBe('True Idle');
  });

  test('makes a session under the next number, with the ladder clipped to the source', () => {
    const { createSession, memory, status, route, events } = plan({
      viewers: 5,
      decision: OPEN,
      memory: { serial: 6 },
    });
    expect(createSession?.metadata).toMatchObject({
      name: 'film-7',
      namespace: 'tv',
      ownerReferences: [{ uid: 'c1' }],
    });
    expect(createSession?.spec.rungs.map(({ name }) => name)).toEqual(['720p', '480p']);
    expect(memory).toMatchObject({ serial: 7, decision: { mode: 'Transcode', pending: null }, lastDelayedMs: NOW });
    expect(status.session).toEqual({ name: 'film-7', serial: 7 });
    expect(route).toMatchObject({ mode: 'Transcode', session: null });
    expect(events.map(({ reason }) => reason)).toEqual(['ModeChanged', 'SessionStarted']);
  });

  test('makes one session in five seconds at most, however soon they end', () => {
    const scene: Scene = { viewers: 5, decision: { mode: 'Transcode' }, madeMs: NOW - 2_000 };
    const sessions = [session(1, { phase: 'Completed' })];
    expect(plan({ ...scene, sessions })).toMatchObject({
      createSession: null,
      removeSessions: sessions,
      wakeAfterSeconds: 3,
    });
    expect(plan({ ...scene, madeMs: NOW - 5_000 }).createSession).not.toBeNull();
  });

  test('names the session in the route with the hash of its token', () => {
    const { route, createSession } = plan({ viewers: 5, decision: { mode: 'Transcode' }, sessions: [session(1)] });
    expect(route?.session).toEqual({ name: 'film-1', uid: 's1', tokenSha256: 'sha-of-s1', rungs: ['480p'] });
    expect(createSession).toBeNull();
  });

  test('keeps the session until the owner lists something else, and two seconds in any case', () => {
    const down = { mode: 'Proxy' as const, sinceMs: NOW - 1_000 };
    const long = { mode: 'Proxy' as const, sinceMs: NOW - 10_000 };
    const sessions = [session(1)];
    expect(plan({ viewers: 2, decision: down, report: { activeMode: 'Proxy' }, sessions })).toMatchObject({
      removeSessions: [],
      wakeAfterSeconds: 1,
    });
    expect(plan({ viewers: 2, decision: long, report: { activeMode: 'Transcode' }, sessions }).removeSessions).toEqual(
      [],
    );
    const over = plan({ viewers: 2, decision: long, report: { activeMode: 'Proxy' }, sessions });
    expect(over.removeSessions).toEqual(sessions);
  });

  test('ends the session of a source that has ended at once, however many watch', () => {
    const transcodeObstacle = { reason: 'SourceEnded', message: 'nothing is left' };
    const sessions = [session(1)];
    const report: Partial<OwnerReport> = { activeMode: 'Proxy', transcodeObstacle };
    const first = plan({ viewers: 9, decision: { mode: 'Transcode' }, report, sessions });
    expect(first.decision).toMatchObject({ mode: 'Proxy', reason: { code: 'TranscodeImpossible' } });
    expect(condition(first.status, 'TranscodePossible')).toBe('False SourceEnded');
    const decision = { mode: 'Proxy' as const, sinceMs: NOW - 2_000 };
    expect(plan({ viewers: 9, decision, report, sessions }).removeSessions).toEqual(sessions);
  });

  test('tells why the last transcode failed until the next may start, over a restart as well', () => {
    const message = '5 pods failed within ten minutes, the last: the agent exited with 1 (no encoder works)';
    const succeeded = { type: 'Succeeded', status: 'False' as const, reason: 'PodsFailed', lastTransitionTime: '' };
    const failed = session(3, { phase: 'Failed', conditions: [{ ...succeeded, message }] });
    // The owner has not yet noticed.
    const report: Partial<OwnerReport> = { session: sessionReportFixture({ name: 'film-3', state: 'Live' }) };
    const { memory, status } = plan({ viewers: 5, decision: { mode: 'Transcode' }, sessions: [failed], report });
    expect([memory.transcodeFailures, memory.countedFailure]).toEqual([1, 'film-3']);
    const text = `the last transcode failed: ${message}; the next may start at 2026-11-21T12:01:00.000Z`;
    const healthy = (of: ChannelStatus) => of.conditions?.find(({ type }) => type === 'TranscodeHealthy')?.message;
    expect(healthy(status)).toBe(text);
    expect(healthy(plan({ channel: channelFixture({}, status), viewers: 5 }).status)).toBe(text);
  });

  test('falls back to Proxy when a session fails, with a cool-down that doubles', () => {
    const failed = session(3, {
      phase: 'Failed',
      conditions: [
        { type: 'Succeeded', status: 'False', reason: 'PodsFailed', message: '5 pods failed', lastTransitionTime: '' },
      ],
    });
    const scene: Scene = {
      viewers: 5,
      decision: { mode: 'Transcode' },
      sessions: [failed],
      memory: { transcodeFailures: 1 },
    };
    const { decision, memory, removeSessions, status, wakeAfterSeconds, events } = plan(scene);
    expect(decision).toMatchObject({ mode: 'Proxy', reason: { code: 'TranscodeImpossible' } });
    expect(memory).toMatchObject({ transcodeFailures: 2, transcodeSuspendedUntilMs: NOW + 120_000 });
    expect([removeSessions, wakeAfterSeconds]).toEqual([[failed], 120]);
    expect(condition(status, 'TranscodeHealthy')).toBe('False TranscodeFailed');
    expect(events.find(({ reason }) => reason === 'SessionFailed')?.note).toContain('5 pods failed');
  });

  test('counts a failure once and forgets it when a transcode lives', () => {
    const failed = session(3, { phase: 'Failed' });
    const memory = { transcodeFailures: 2, countedFailure: 'film-3', serial: 3 };
    expect(plan({ viewers: 5, sessions: [failed], memory }).memory.transcodeFailures).toBe(2);
    const live = { activeMode: 'Transcode' as const, session: sessionReportFixture({ name: 'film-4' }) };
    const decision = { mode: 'Transcode' as const };
    expect(plan({ viewers: 5, decision, report: live, sessions: [session(4)], memory }).memory.transcodeFailures).toBe(
      0,
    );
  });

  const health = { state: 'down' as const, reason: 'SourceUnreachable', message: 'connect ECONNREFUSED' };
  const cases: readonly [string, Scene, string, string][] = [
    ['no edge is ready', { edges: [{ ...EDGE, ready: false }] }, 'Ready', 'False NoEdgeReady'],
    ['the source is down', { report: { health } }, 'Ready', 'False SourceUnreachable'],
    ['the source is down', { report: { health } }, 'SourceHealthy', 'False SourceUnreachable'],
    ['nobody has read the source', { report: null }, 'SourceHealthy', 'Unknown NotWatched'],
    ['the source was never probed', { report: null }, 'TranscodePossible', 'Unknown NotProbed'],
    ['the source was probed', {}, 'DirectPossible', 'True Possible'],
    [
      'every rung is above the source',
      { report: { facts: factsFixture({ height: 360, width: 640 }) } },
      'TranscodePossible',
      'False LadderAboveSource',
    ],
    [
      'the owner found no CORS',
      { report: { directObstacle: { reason: 'NoCors', message: 'no CORS header' } } },
      'DirectPossible',
      'False NoCors',
    ],
    [
      'the source needs headers',
      { channel: channelFixture({ source: { uri: 'http://s/x.m3u8', headersFrom: { secretRef: { name: 's' } } } }) },
      'DirectPossible',
      'False SourceNeedsHeaders',
    ],
    [
      'the source has a query',
      { channel: channelFixture({ source: { uri: 'http://s/x.m3u8?key=1' } }) },
      'DirectPossible',
      'False SourceHasQuery',
    ],
    [
      'the transcode is late',
      {
        viewers: 5,
        decision: { mode: 'Transcode' },
        sessions: [session(1)],
        report: { session: sessionReportFixture({ state: 'Late' }) },
      },
      'TranscodeHealthy',
      'False Late',
    ],
  ];
  test.each(cases)('if %s sets the condition', (_name, scene, type, expected) => {
    expect(condition(plan(scene).status, type)).toBe(expected);
  });

  test('keeps the obstacles that the last owner found until there is a new one', () => {
    const report = { directObstacle: { reason: 'NoCors', message: 'no CORS header' } };
    const { status } = plan({ report });
    const orphan = plan({ channel: channelFixture({}, status), report: null, viewers: 1 });
    expect(condition(orphan.status, 'DirectPossible')).toBe('False NoCors');
    expect(orphan.decision.mode).toBe('Proxy');
    expect(condition(plan({ channel: channelFixture({}, status) }).status, 'DirectPossible')).toBe('True Possible');
  });

  test('goes on where the last operator stopped', () => {
    const first = plan({ viewers: 5, decision: { mode: 'Proxy', sinceMs: NOW - 60_000, pending: null } });
    expect(first.status.pendingTransition).toEqual({ target: 'Transcode', since: '2026-11-21T12:00:00.000Z' });
    const memory = remember(channelFixture({}, first.status), NOW + 5_000);
    expect(memory).toMatchObject({
      decision: { mode: 'Proxy', sinceMs: NOW - 60_000, pending: { target: 'Transcode', sinceMs: NOW } },
      ladder: first.status.ladder,
    });
  });

  test('lets an edit of the ladder wait until the channel is Idle', () => {
    const { ladder } = plan({}).memory;
    const edited = channelFixture({ transcode: { ladder: [{ name: 'small', height: 240, bitrateBps: 300_000 }] } });
    const watched = plan({ channel: edited, viewers: 2, report: { activeMode: 'Proxy' }, memory: { ladder } });
    expect(condition(watched.status, 'LadderPending')).toBe('True Watched');
    expect(watched.route?.ladder.map(({ name }) => name)).toEqual(['720p', '480p']);
    const idle = plan({ channel: edited, memory: { ladder } });
    expect(condition(idle.status, 'LadderPending')).toBe('False InForce');
    expect(idle.route?.ladder.map(({ name }) => name)).toEqual(['small']);
  });

  test('gives the edges no route to a source whose headers are missing', () => {
    const headers = { state: 'missing', reason: 'SecretNotFound', message: 'Secret s does not exist' } as const;
    const { route, status, wakeAfterSeconds } = plan({ headers });
    expect([route, wakeAfterSeconds]).toEqual([null, 30]);
    expect(condition(status, 'Ready')).toBe('False SecretNotFound');
  });

  test.each([
    ['keeps the channel in Proxy for ids that only sent heartbeats', false, 'Proxy'],
    ['starts a transcode for them where the Channel trusts heartbeats', true, 'Transcode'],
  ])('%s', (_what, trustHeartbeats, mode) => {
    const channel = channelFixture();
    const trusting = { ...channel, spec: { ...channel.spec, viewers: { ...channel.spec.viewers, trustHeartbeats } } };
    const { memory } = plan({ channel: trusting, viewers: 5, audience: { trusted: 0 }, decision: OPEN });
    expect(memory.decision.mode).toBe(mode);
  });

  test('keeps the ladder while people watch, even if no owner has spoken', () => {
    const ladder = [{ name: '480p', height: 480, bitrateBps: 1_200_000, audioBitrateBps: 128_000 }];
    const scene: Scene = { report: null, memory: { ladder } };
    expect(condition(plan({ ...scene, viewers: 2 }).status, 'LadderPending')).toBe('True Watched');
    expect(condition(plan({ ...scene, audience: { state: 'stale' } }).status, 'LadderPending')).toBe('True Watched');
    expect(condition(plan(scene).status, 'LadderPending')).toBe('False InForce');
  });

  test('goes on deciding when the headers of a source are gone, but leaves the source as the edges know it', () => {
    const headers = { state: 'found', headers: { Authorization: 'old' } } as const;
    const route = plan({ headers, viewers: 2 }).route as Route;
    const missing = { state: 'missing', reason: 'SecretNotFound', message: 'Secret s does not exist' } as const;
    const moved = channelFixture({ source: { uri: 'http://other.example/index.m3u8' } });
    const next = plan({ channel: moved, headers: missing, viewers: 5, decision: OPEN, route });
    expect(next.route).toMatchObject({ mode: 'Transcode', source: route.source });
  });

  test('sends no new route because of a new segment alone', () => {
    const first = plan({ report: { lastMsn: 100 } });
    const route = first.route as Route;
    expect(plan({ report: { lastMsn: 101 }, route, memory: first.memory }).route).toBe(route);
    const moved = plan({ report: { lastMsn: 102 }, route, memory: first.memory, edges: [{ ...EDGE, podUid: 'b' }] });
    expect(moved.route).toMatchObject({ owners: [{ podUid: 'b' }], resume: { epoch: 1, lastMsn: 102 } });
    expect(moved.route?.ownerTerm).toBeGreaterThan(route.ownerTerm);
  });

  test('asks the edges for signs of life only while a promotion to Transcode waits', () => {
    expect(plan({ viewers: 5 }).route?.reportSigns).toBe(true);
    expect(plan({ viewers: 3 }).route?.reportSigns).toBe(false);
  });

  test('shows the last known count while the count is unknown', () => {
    const audience = { state: 'unknown' as const };
    const { status } = plan({ audience, report: null, memory: { knownViewers: 7 } });
    expect(status.viewers).toMatchObject({ count: 7, state: 'Unknown' });
  });

  test('cuts texts of an edge to what the API takes', () => {
    const long = 'x'.repeat(5_000);
    const report = {
      health: { state: 'down' as const, reason: long, message: long },
      transcodeObstacle: { reason: long, message: long },
      facts: factsFixture({ videoCodec: long }),
    };
    const scene: Scene = { viewers: 5, decision: { mode: 'Transcode' }, report };
    expect(channelStatusSchema.safeParse(plan(scene).status).error).toBeUndefined();
  });

  test('keeps the last ten decisions with their counts', () => {
    const old = Array.from({ length: 10 }, (_, index) => ({
      time: `2026-11-21T11:00:0${index}.000Z`,
      from: 'Idle' as const,
      to: 'Direct' as const,
      viewers: 1,
      reason: '1 viewer',
    }));
    const { decisions } = plan({ viewers: 2, memory: { decisions: old } }).status;
    expect(decisions).toHaveLength(10);
    expect(decisions?.at(-1)).toMatchObject({
      from: 'Idle',
      to: 'Proxy',
      viewers: 2,
      time: '2026-11-21T12:00:00.000Z',
    });
  });
});
