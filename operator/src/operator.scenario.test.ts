import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ChannelSpecInput } from '@sluice/crds';
import { buildSession } from './channel/build/session.ts';
import type { JsonObject } from './runtime/memory/fields.ts';
import { channelFixture, sessionReportFixture } from './testing/fixtures.ts';
import { Harness, SERVED } from './testing/harness.ts';

const RUNGS = [{ name: '480p', height: 480, bitrateBps: 1_200_000, audioBitrateBps: 128_000 }];
/** Back-offs and pauses between writes run so many times faster. */
const SPEED = 20;
const IMMEDIATE = { delivery: { hysteresisSeconds: 0 } };

describe('the operator', () => {
  let harness: Harness;

  beforeEach(async () => {
    harness = await Harness.create({ speed: SPEED });
  });

  afterEach(async () => {
    await harness.close();
  });

  /** A channel with five viewers in Proxy, who deserve a transcode. @returns its uid */
  async function watchedByFive(spec: Partial<ChannelSpecInput> = {}): Promise<string> {
    const uid = await watchedBy(5, spec);
    harness.report(uid, { activeMode: 'Proxy' });
    return uid;
  }

  function transcodeHealthy() {
    return harness.channel().status?.conditions?.find(({ type }) => type === 'TranscodeHealthy');
  }

  /** Brings a channel to a running transcode with five viewers. @returns its uid */
  async function transcoding(): Promise<string> {
    const uid = await watchedByFive();
    await harness.until('a pod', () => harness.names(SERVED.pods).includes('film-1-1'));
    harness.podStatus('film-1-1', { phase: 'Running' });
    harness.report(uid, { activeMode: 'Transcode', session: sessionReportFixture() });
    await harness.until('the mode', () => harness.channel().status?.mode === 'Transcode');
    return uid;
  }

  /** A channel whose first viewer has come. @returns its uid */
  async function watchedByOne(): Promise<string> {
    const uid = await watchedBy(1);
    await harness.until('Direct', () => harness.route(uid)?.mode === 'Direct');
    return uid;
  }

  /** A channel that follows its audience at once, and has so many viewers. @returns its uid */
  async function watchedBy(viewers: number, spec: Partial<ChannelSpecInput> = {}): Promise<string> {
    const uid = harness.addChannel({ ...IMMEDIATE, ...spec });
    await harness.start();
    await harness.until('a link', () => harness.edge.connected);
    harness.say({ type: 'synced' });
    harness.join(uid, 1, viewers);
    return uid;
  }

  test('gives a channel a status and the edges a route', async () => {
    const uid = harness.addChannel();
    await harness.start();
    await harness.until('a route', () => harness.route(uid) !== null);
    harness.say({ type: 'synced' });
    await harness.until('a status', () => harness.channel().status?.url !== undefined);
    expect(harness.route(uid)).toMatchObject({ mode: 'Idle', owners: [{ podUid: 'edge-uid' }], session: null });
    expect(harness.channel().status).toMatchObject({ mode: 'Idle', url: 'https://tv.example/live/tv/film/index.m3u8' });
  });

  test('follows the audience: a viewer, two viewers, five viewers, none', async () => {
    const uid = await watchedByOne();
    harness.join(uid, 2, 2);
    await harness.until('Proxy', () => harness.route(uid)?.mode === 'Proxy');
    harness.join(uid, 3, 5);
    await harness.until('Transcode', () => harness.route(uid)?.mode === 'Transcode');
    await harness.until('the session in the route', () => harness.route(uid)?.session?.name === 'film-1');
    harness.leave(uid, 1, 5);
    await harness.until('Idle', () => harness.route(uid)?.mode === 'Idle');
    await harness.until('the decisions', () => harness.channel().status?.decisions?.length === 4);
    expect(harness.channel().status?.decisions?.map(({ to }) => to)).toEqual(['Direct', 'Proxy', 'Transcode', 'Idle']);
    await harness.until(
      'events',
      () => harness.eventReasons().filter((reason) => reason === 'ModeChanged').length === 4,
    );
  });

  test('makes session, Secret and pod for a transcode, and shows it as the owner reports it', async () => {
    const uid = await transcoding();
    expect(harness.names(SERVED.sessions)).toEqual(['film-1']);
    expect(harness.names(SERVED.secrets)).toEqual(['film-1']);
    await harness.until('the phase', () => harness.sessions()[0]?.status?.phase === 'Running');
    expect(transcodeHealthy()).toMatchObject({ status: 'True', reason: 'Live', observedGeneration: 1 });
    // The default ladder has 1080p, the source 720 lines.
    expect(harness.route(uid)?.ladder.map(({ name }) => name)).toEqual(['720p', '480p']);
  });

  test('ends a session only after the owner lists something else', async () => {
    const uid = await transcoding();
    harness.leave(uid, 1, 4);
    await harness.until('Direct', () => harness.route(uid)?.mode === 'Direct');
    expect(harness.route(uid)?.session?.name).toBe('film-1');
    harness.report(uid, { activeMode: 'Direct' });
    await harness.until('the end of the session', () => harness.names(SERVED.sessions).length === 0);
    expect(harness.route(uid)?.session?.name).toBe('film-1'); // its pod drains
    harness.api.store.collectGarbage();
    await harness.until('a route without session', () => harness.route(uid)?.session === null);
    expect([harness.names(SERVED.pods), harness.names(SERVED.secrets)]).toEqual([[], []]);
  });

  test('replaces a pod that fails', async () => {
    await transcoding();
    harness.podStatus('film-1-1', { phase: 'Failed', reason: 'Evicted', message: 'the node was low on memory' });
    await harness.until('the next pod', () => harness.names(SERVED.pods).includes('film-1-2'));
    await harness.until('its status', () => harness.sessions()[0]?.status?.podName === 'film-1-2');
    expect(harness.sessions()[0]?.status).toMatchObject({ attempt: 2, restarts: 1 });
  });

  test('says in the channel why a pod does not start', async () => {
    await watchedByFive();
    await harness.until('a pod', () => harness.names(SERVED.pods).includes('film-1-1'));
    const message = '0/3 nodes are available: 3 Insufficient cpu.';
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
    harness.podStatus('film-1-1', { phase: 'Pending', conditions: [condition] });
    await harness.until('the condition', () => transcodeHealthy()?.reason === 'Unschedulable');
    expect(transcodeHealthy()?.message).toContain(message);
    expect(harness.channel().status).toMatchObject({ mode: 'Proxy', desiredMode: 'Transcode' });
  });

  test('puts a CPU pod in the place of one that gets no GPU, and tells it on the channel', async () => {
    const uid = await watchedByFive({ transcode: { gpu: { waitSeconds: 0 } } });
    await harness.until('a pod', () => harness.names(SERVED.pods).includes('film-1-1'));
    const message = '0/3 nodes are available: 3 Insufficient nvidia.com/gpu.';
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
    harness.podStatus('film-1-1', { phase: 'Pending', conditions: [condition] });
    await harness.until('the CPU pod alone', () => harness.names(SERVED.pods).join() === 'film-1-2');
    await harness.until('its status', () => harness.sessions()[0]?.status?.accelerator === 'cpu');
    harness.podStatus('film-1-2', { phase: 'Running' });
    harness.report(uid, { activeMode: 'Transcode', session: sessionReportFixture({ attempt: 2 }) });
    await harness.until('the condition', () => transcodeHealthy()?.reason === 'Live');
    await harness.until('why', () => transcodeHealthy()?.message.includes(message) === true);
    await harness.until('the event', () => harness.eventReasons().includes('EncoderFallback'));
  });

  test('says in the channel that a quota allows no pod, and serves the source', async () => {
    const refusal = { kind: 'status', status: 403, reason: 'Forbidden' } as const;
    harness.api.faults.plan(refusal, { method: 'POST', plural: 'pods' }, Infinity);
    await watchedByFive();
    await harness.until('the condition', () => transcodeHealthy()?.reason === 'PodRefused');
    expect(harness.channel().status).toMatchObject({ mode: 'Proxy', desiredMode: 'Transcode' });
    expect(harness.sessions()[0]?.status).toMatchObject({ phase: 'Pending', restarts: 0 });
  });

  test('says in the channel that a quota allows no session, and does not ask again with every report', async () => {
    const refusal = { kind: 'status', status: 403, reason: 'Forbidden' } as const;
    harness.api.faults.plan(refusal, { method: 'POST', plural: 'streamsessions' }, Infinity);
    const uid = await watchedByFive();
    await harness.until('the condition', () => transcodeHealthy()?.reason === 'SessionRefused');
    harness.report(uid, { activeMode: 'Proxy', epoch: 2 });
    await harness.until('the report', () => harness.channel().status?.epoch === 2);
    const posts = harness.api.writes().filter(({ method, plural }) => method === 'POST' && plural === 'streamsessions');
    expect(posts).toHaveLength(1);
    expect(harness.channel().status).toMatchObject({ mode: 'Proxy', desiredMode: 'Transcode' });
    await harness.until('the event', () => harness.eventReasons().includes('SessionRefused'));
  });

  test("leaves a Secret alone that has the name of a session and is somebody else's", async () => {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'film-1', namespace: 'tv' },
      data: { a: 'Yg==' },
    };
    harness.api.store.create(SERVED.secrets, secret, 'kubectl');
    await watchedByFive();
    await harness.until('the condition', () => transcodeHealthy()?.reason === 'PodRefused');
    expect(transcodeHealthy()?.message).toContain("Secret film-1 is not this session's");
    expect(harness.api.store.get(SERVED.secrets, 'tv', 'film-1')).toMatchObject({ data: { a: 'Yg==' } });
    expect(harness.names(SERVED.pods)).toEqual([]);
  });

  test('transcodes for a channel that was made anew while a session of the old one is on its way out', async () => {
    const uid = harness.addChannel(IMMEDIATE);
    const { metadata: _metadata, ...old } = buildSession(channelFixture(), 'film-1', RUNGS);
    const owner = { apiVersion: old.apiVersion, kind: 'Channel', name: 'film', uid: 'old', controller: true };
    const metadata = { name: 'film-1', namespace: 'tv', ownerReferences: [owner] };
    harness.api.store.create(SERVED.sessions, { ...old, metadata } as unknown as JsonObject, 'sluice-channel');
    await harness.start();
    await harness.until('a link', () => harness.edge.connected);
    harness.say({ type: 'synced' });
    harness.join(uid, 1, 5);
    await harness.until('a session of its own', () => harness.names(SERVED.sessions).includes('film-2'));
    await harness.until('it in the route', () => harness.route(uid)?.session?.name === 'film-2');
  });

  test('goes on after a restart without a write and with the same session', async () => {
    const uid = await transcoding();
    await harness.until('the phase', () => harness.sessions()[0]?.status?.phase === 'Running');
    const owners = harness.route(uid)?.owners;
    await harness.quiet();
    harness.api.requests.length = 0;
    await harness.restart();
    await harness.until('a link', () => harness.edge.connected);
    harness.join(uid, 1, 5);
    harness.report(uid, { activeMode: 'Transcode', session: sessionReportFixture() });
    harness.say({ type: 'synced' });
    await harness.until('the route', () => harness.route(uid)?.session?.name === 'film-1');
    expect(harness.route(uid)).toMatchObject({ mode: 'Transcode', owners });
    expect(harness.names(SERVED.pods)).toEqual(['film-1-1']);
    expect(harness.api.writes().map(({ url }) => url)).toEqual([]);
  });

  test('writes its word again where somebody else has changed or removed the status of a channel', async () => {
    harness.addChannel();
    await harness.start();
    await harness.until('a status', () => harness.channel().status?.mode === 'Idle');
    await harness.quiet();
    for (const status of [{ mode: 'Transcode', desiredMode: 'Transcode' }, undefined]) {
      const written = harness.channel().status;
      harness.api.store.update(SERVED.channels, 'tv', 'film', (channel) => {
        if (status === undefined) delete channel.status;
        else channel.status = status;
      });
      await harness.until('its own word', () => harness.channel().status?.mode === 'Idle');
      expect(harness.channel().status).toEqual(written);
    }
  });

  test('writes its word again where somebody else has changed or removed the status of a session', async () => {
    await transcoding();
    await harness.quiet();
    const written = harness.session('film-1')?.status;
    for (const status of [{ phase: 'Pending' }, undefined]) {
      harness.api.store.update(SERVED.sessions, 'tv', 'film-1', (session) => {
        if (status === undefined) delete session.status;
        else session.status = status;
      });
      await harness.until('its own word', () => harness.session('film-1')?.status?.phase === written?.phase);
      expect(harness.session('film-1')?.status).toMatchObject({ phase: 'Running', podName: 'film-1-1', attempt: 1 });
    }
  });

  test('takes a deleted channel from the edges', async () => {
    const uid = await transcoding();
    harness.api.store.delete(SERVED.channels, 'tv', 'film', undefined);
    await harness.until('the removal', () => harness.route(uid) === null);
    harness.api.store.collectGarbage();
    expect([harness.names(SERVED.sessions), harness.names(SERVED.pods)]).toEqual([[], []]);
  });

  test('keeps a channel above Direct for ten minutes after a viewer could not reach its source', async () => {
    const uid = await watchedByOne();
    harness.say({ type: 'sourceError', uid, message: 'networkError' });
    await harness.until('Proxy', () => harness.route(uid)?.mode === 'Proxy');
    await harness.until('the status', () => harness.channel().status?.directSuspendedUntil !== undefined);
  });

  test('does not let the edges ask a source whose header Secret is missing, and says so', async () => {
    const uid = harness.addChannel({
      source: { uri: 'http://source.example/index.m3u8', headersFrom: { secretRef: { name: 'film-source' } } },
    });
    await harness.start();
    await harness.until('a link', () => harness.edge.connected);
    const ready = () => harness.channel().status?.conditions?.find(({ type }) => type === 'Ready');
    await harness.until('the condition', () => ready()?.reason === 'SecretNotFound');
    expect(harness.route(uid)).toBeNull();
  });
});
