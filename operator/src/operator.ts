import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '@sluice/common/errors/error.ts';
import type { EdgeMessage, OwnerReport } from '@sluice/common/link/messages.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import type { Metrics } from '@sluice/common/metrics/metrics.ts';
import { AudienceBook } from './audience/book.ts';
import { CHANNELS_BY_SECRET, createCaches, sessionsOf } from './caches.ts';
import { type ChannelControllerOptions, createChannelReconcile, suspendDirect } from './channel/controller.ts';
import { sessionRefused } from './channel/events.ts';
import { HeaderSecrets } from './channel/headers.ts';
import { ChannelStates } from './channel/state.ts';
import { WriteBudget } from './channel/status-gate.ts';
import { createChannelWriter } from './channel/writer.ts';
import type { LinkIdentity } from './keys/link-keys.ts';
import { createSessionTokens } from './keys/session-token.ts';
import { type EdgeEndpoint, edgesOf } from './link/endpoints.ts';
import { LinkHub } from './link/hub.ts';
import { OwnerReports } from './link/reports.ts';
import { createOperatorMetrics } from './metrics.ts';
import { type Client, keyOf } from './runtime/client/client.ts';
import { type Controller, createController } from './runtime/controller/controller.ts';
import { createControllerMetricsFactory } from './runtime/controller/metrics.ts';
import { createEventRecorder } from './runtime/events/recorder.ts';
import type { PodSettings } from './session/build/pod.ts';
import { createSessionReconcile } from './session/controller.ts';

/** Writes of status wait for the API server: several at a time, so that one slow call holds up few. */
const WRITE_WORKERS = 8;
const SESSION_WORKERS = 4;
/** How often edges that have long been gone are forgotten. */
const SWEEP_SECONDS = 60;
/** Running reconciliations may end in this time at shutdown. */
const STOP_SECONDS = 10;

/** What an operator is made of. */
export interface OperatorOptions {
  readonly client: Client;
  readonly identity: LinkIdentity;
  readonly edges: { readonly namespace: string; readonly service: string };
  readonly publicUrl: string;
  readonly pod: PodSettings;
  /** Name of this process in events. */
  readonly instance: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly now: () => number;
}

/** The operator without the process around it. */
export interface Operator {
  /** Resolves when all caches are filled, every channel is planned and the edges are dialled. */
  start(): Promise<void>;
  /** Null if all is well, else what is missing. */
  ready(): string | null;
  /** Lets running work end; nothing is left open afterwards but the client. */
  stop(): Promise<void>;
}

/** Puts the parts together: what changes where, and who has to look at it. */
export function createOperator(options: OperatorOptions): Operator {
  const { client, log, now, identity } = options;
  const onTrouble = (message: string): void => log.warn({ trouble: message }, 'a watch has trouble');
  const caches = createCaches(client, { namespace: options.edges.namespace, name: options.edges.service }, onTrouble);
  const states = new ChannelStates();
  const reports = new OwnerReports();
  const book = new AudienceBook({ now, onChange: (uid) => enqueueChannel(uid) });
  const hub = new LinkHub({ identity, term: Math.floor(now() / 1000), log, events: hubEvents() });
  const tokens = createSessionTokens(identity.operatorKey);
  const events = createEventRecorder({
    client,
    controller: 'sluice-operator',
    instance: options.instance,
    now,
    onTrouble: (message, error) => log.warn({ err: error }, message),
  });
  const metrics = createOperatorMetrics(options.metrics, {
    links: () => hub.status(),
    book,
    sessionPhases: () => caches.sessions.store.list().map(({ status }) => status?.phase ?? 'Pending'),
  });
  const headers = new HeaderSecrets({ client, now, onRead: (secret) => enqueueUsersOf(secret) });
  const sources = {
    channels: caches.channels.store,
    sessions: caches.sessions.store,
    headers,
    book,
    reports,
    edges: () => edges,
  };
  const channelOptions: ChannelControllerOptions = {
    sources,
    states,
    hub,
    settings: { publicUrl: options.publicUrl, tokenSha256: tokens.tokenSha256 },
    events,
    metrics,
    write: (key) => writes.enqueue(key),
    now,
  };
  const reconcileChannel = createChannelReconcile(channelOptions);
  const metricsOf = createControllerMetricsFactory(options.metrics);
  const controllerOf = (name: string, reconcile: typeof reconcileChannel, workers: number): Controller =>
    createController({
      name,
      reconcile,
      workers,
      metrics: metricsOf(name),
      onError: (key, error) => log.warn({ controller: name, key, err: error }, 'reconcile failed'),
    });
  const channels = controllerOf('channel', reconcileChannel, 1);
  const writes = controllerOf(
    'channel-writes',
    createChannelWriter({
      client,
      states,
      budget: new WriteBudget(now),
      metrics,
      replan: (key) => channels.enqueue(key),
      onRefused(key, error) {
        const channel = caches.channels.store.get(key);
        if (channel !== undefined) events.record(channel, sessionRefused(messageOf(error)));
        log.warn({ key, err: error }, 'the API server refuses a StreamSession');
      },
      now,
    }),
    WRITE_WORKERS,
  );
  const sessions = controllerOf(
    'session',
    createSessionReconcile({
      client,
      sessions: caches.sessions.store,
      pods: caches.pods.store,
      report: (uid) => reports.of(uid),
      tokens,
      pod: options.pod,
      now,
    }),
    SESSION_WORKERS,
  );
  let edges: readonly EdgeEndpoint[] = [];
  let started = false;
  let sweeping: NodeJS.Timeout | undefined;
  watch();

  function watch(): void {
    caches.channels.onChange(({ before, after }) => {
      const object = after ?? before;
      if (object !== null) channels.enqueue(keyOf(object.metadata));
    });
    caches.sessions.onChange(({ before, after }) => {
      const object = after ?? before;
      if (object === null) return;
      sessions.enqueue(keyOf(object.metadata));
      channels.enqueue(keyOf({ ...object.metadata, name: object.spec.channelRef.name }));
    });
    caches.pods.onChange(({ before, after }) => {
      for (const pod of [before, after]) if (pod !== null) for (const key of sessionsOf(pod)) sessions.enqueue(key);
    });
    caches.slices.onChange(() => {
      if (started) takeEdges();
    });
  }

  function takeEdges(): void {
    const next = edgesOf(caches.slices.store.list());
    const moved = !isDeepStrictEqual(next, edges);
    edges = next;
    hub.setEdges(edges);
    if (moved) for (const key of states.all()) channels.enqueue(key);
  }

  function enqueueChannel(uid: string): void {
    const key = states.keyOf(uid);
    if (key !== undefined) channels.enqueue(key);
  }

  function enqueueUsersOf(secret: string): void {
    for (const channel of caches.channels.store.byIndex(CHANNELS_BY_SECRET, secret))
      channels.enqueue(keyOf(channel.metadata));
  }

  function hubEvents(): ConstructorParameters<typeof LinkHub>[0]['events'] {
    return {
      seen: (edge) => book.edgeSeen(edge.podUid, edge.ready),
      connected(edge) {
        book.edgeConnected(edge.podUid);
        log.info({ edge: edge.podName }, 'linked to an edge');
      },
      message: take,
      lost: (edge) => book.edgeLost(edge.podUid),
      gone(edge) {
        book.edgeGone(edge.podUid);
        for (const uid of reports.edgeGone(edge.podUid)) enqueueChannel(uid);
        log.info({ edge: edge.podName }, 'an edge is gone');
      },
    };
  }

  function take(edge: EdgeEndpoint, message: EdgeMessage): void {
    switch (message.type) {
      case 'viewers':
        book.viewers(edge.podUid, message);
        break;
      case 'signs':
        book.signs(message.uid, message.ids);
        break;
      case 'synced':
        book.edgeSynced(edge.podUid);
        break;
      case 'sourceError':
        suspendDirect(message.uid, message.message, channelOptions);
        enqueueChannel(message.uid);
        break;
      case 'report':
        takeReport(edge, message.report);
        break;
      default: // the handshake is the link's own business
    }
  }

  function takeReport(edge: EdgeEndpoint, report: OwnerReport): void {
    const key = states.keyOf(report.uid);
    if (key === undefined || !reports.take(edge.podUid, report)) {
      metrics.refusedMessages.inc({ reason: key === undefined ? 'unknown_channel' : 'old_owner' });
      return;
    }
    channels.enqueue(key);
    const namespace = states.get(key)?.namespace;
    if (report.session !== null && namespace !== undefined)
      sessions.enqueue(keyOf({ namespace, name: report.session.name }));
  }

  return {
    async start() {
      await caches.start();
      edges = edgesOf(caches.slices.store.list());
      // Every channel is known before the first edge speaks, so that nothing that it says is taken for an error.
      const { signal } = new AbortController();
      for (const { metadata } of caches.channels.store.list()) {
        await reconcileChannel(keyOf(metadata), signal).catch(() => {}); // its turn in the queue reports the error
      }
      for (const controller of [channels, writes, sessions]) controller.start();
      started = true;
      takeEdges();
      sweeping = setInterval(() => book.sweep(), SWEEP_SECONDS * 1000);
    },
    ready: () => (started ? null : 'the caches are not filled yet'),
    async stop() {
      clearInterval(sweeping);
      await Promise.all([channels, writes, sessions].map((controller) => controller.stop(STOP_SECONDS)));
      hub.close();
      await caches.stop();
      await events.flush();
    },
  };
}
