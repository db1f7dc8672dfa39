import type { Logger } from '@sluice/common/log/log.ts';
import type { Metrics } from '@sluice/common/metrics/metrics.ts';
import { channelOf, createAdmissions } from './admissions.ts';
import { AudienceBook } from './audience/book.ts';
import { type Caches, createCaches } from './caches.ts';
import { type ChannelControllerOptions, createChannelReconcile, suspendDirect } from './channel/controller.ts';
import { HeaderSecrets } from './channel/headers.ts';
import { ChannelStates } from './channel/state.ts';
import { WriteTurns } from './channel/write-turns.ts';
import { createChannelWriter } from './channel/writer.ts';
import { createControllerFactory } from './controllers.ts';
import { EdgeRoster } from './edge-roster.ts';
import { createEdgeScaler } from './edge-scale/edge-scaler.ts';
import { LoadBook } from './edge-scale/load-book.ts';
import type { EdgeScaleSettings } from './edge-scale/settings.ts';
import { withLog } from './event-log.ts';
import { createHubEvents } from './hub-events.ts';
import type { LinkIdentity } from './keys/link-keys.ts';
import { createSessionTokens, type SessionTokens } from './keys/session-token.ts';
import { LinkHub } from './link/hub.ts';
import { OwnerReports } from './link/reports.ts';
import { LookAgain } from './look-again.ts';
import { createOperatorMetrics, type OperatorMetrics } from './metrics.ts';
import { createNews, type News } from './news.ts';
import { createWrittenVersions } from './runtime/cache/written-versions.ts';
import { type Client, keyOf } from './runtime/client/client.ts';
import { withCountedWrites } from './runtime/client/counted-writes.ts';
import type { Controller, Reconcile } from './runtime/controller/controller.ts';
import { createEventRecorder, type EventRecorder } from './runtime/events/recorder.ts';
import type { Clock } from './runtime/queue/clock.ts';
import type { AdmissionBook } from './session/admission/admission-book.ts';
import type { SessionLimits } from './session/admission/admit.ts';
import type { PodSettings } from './session/build/pod.ts';
import { createSessionReconcile } from './session/controller.ts';
import { SessionIncidents } from './session/incidents.ts';
import { WrittenStatuses } from './session/written-statuses.ts';
import { WriteBudget } from './write-budget.ts';

/**
 * Writes of status wait for the API server: as many at a time as keep a small one busy after a start, when each channel
 * wants several, and so that one slow call holds up few. The budget bounds them at rest.
 */
const WRITE_WORKERS = 16;
const SESSION_WORKERS = 8;

const monotonicMs = (): number => performance.now();

/** What an operator is made of. */
export interface OperatorOptions {
  readonly client: Client;
  readonly identity: LinkIdentity;
  readonly edges: { readonly namespace: string; readonly service: string };
  /** Base of `status.url` without a slash at its end; empty: the status names only the path. */
  readonly publicUrl: string;
  readonly pod: PodSettings;
  readonly limits: SessionLimits;
  /** Of the number of edge pods, if the operator is to keep it. */
  readonly edgeScale?: EdgeScaleSettings | null;
  /** Whether what is only looked at again waits behind what has changed; true if left out. */
  readonly priorities?: boolean;
  /** Name of this process in events. */
  readonly instance: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly now: () => number;
  /** Of queues and watches; the machine's if left out. */
  readonly clock?: Clock;
}

/** Whether and since when this process leads, as the parts see it. */
export interface Leadership {
  /** Of this leader; 0 before it leads. */
  readonly term: number;
  /** In ms since the epoch; 0 before. */
  readonly sinceMs: number;
}

/** The parts of an operator, put together and at rest: nothing is read, called or decided before they are started. */
export interface Parts {
  readonly caches: Caches;
  readonly states: ChannelStates;
  readonly book: AudienceBook;
  readonly hub: LinkHub;
  readonly roster: EdgeRoster;
  /** What each edge carries. */
  readonly loads: LoadBook;
  readonly admissions: AdmissionBook;
  readonly events: EventRecorder;
  /** What is known of the statuses of StreamSessions. */
  readonly statuses: WrittenStatuses;
  /** Whose turn it is to write what can wait; one budget for both. */
  readonly turns: Readonly<Record<'channels' | 'sessions', WriteTurns>>;
  readonly lookAgain: LookAgain;
  /** Of the controller `channels`; for the plans that a new leader makes before it works. */
  readonly planChannel: Reconcile;
  /** `namespace/name` of the edges' Deployment; null where this operator does not scale it. */
  readonly edgeDeployment: string | null;
  readonly controllers: Readonly<Record<'channels' | 'writes' | 'sessions', Controller>> & {
    /** There where the operator keeps the number of edge pods; its one key is that of their Deployment. */
    readonly edgeScale?: Controller;
  };
}

/** What the reconciliations are made of. */
type Base = Omit<Parts, 'hub' | 'planChannel' | 'edgeDeployment' | 'controllers'> & {
  readonly reports: OwnerReports;
  readonly metrics: OperatorMetrics;
  readonly news: News;
  readonly tokens: SessionTokens;
};

/**
 * Puts an operator together.
 *
 *   API server -> caches ----> channel ----> link hub -> edges        (the fast path: nothing in it waits)
 *   edges -> audience book ------^   \---> channel-writes -> API server
 *   edges -> owner reports ------^-------> session ---------^
 */
export function createParts(given: OperatorOptions, leadership: () => Leadership): Parts {
  const budget = new WriteBudget(monotonicMs);
  const options = { ...given, client: withCountedWrites(given.client, () => budget.spend()) };
  const base = createBase(options, budget, () => parts);
  const channel = channelOptions(options, base, leadership, () => parts.controllers.writes);
  const hub = createHub(options, base, channel, leadership);
  const planChannel = createChannelReconcile({ ...channel, hub });
  const keepEdges = createEdgeScaler({ ...options, ...base, hub });
  const controllers = createControllers(options, base, planChannel, keepEdges);
  const { edges, edgeScale = null } = options;
  const edgeDeployment = edgeScale && keyOf({ namespace: edges.namespace, name: edgeScale.deployment });
  const parts: Parts = { ...base, hub, planChannel, edgeDeployment, controllers };
  return parts;
}

/** @param parts all of them: whoever asks for one that is not made yet asks when it works */
function createBase(options: OperatorOptions, budget: WriteBudget, parts: () => Parts): Base {
  const { client, log, now, edges, identity } = options;
  const service = { namespace: edges.namespace, name: edges.service };
  const onTrouble = (trouble: string) => log.warn({ trouble }, 'a watch has trouble');
  const caches = createCaches(client, service, onTrouble, options.clock);
  const states = new ChannelStates();
  const lookAgain = new LookAgain(() => parts().controllers, states, caches, options.priorities !== false);
  const onEdgeChange = () => lookAgain.allChannels();
  const onUnheard = (edge: string) => parts().hub.askAgain(edge);
  const book = new AudienceBook({ now, onChange: (uid) => lookAgain.channelOf(uid), onEdgeChange, onUnheard });
  const admissions = createAdmissions(caches, options.limits, (key) => lookAgain.session(key));
  const metrics = createOperatorMetrics(options.metrics, {
    links: () => parts().hub.status(),
    book,
    sessions: () => caches.sessions.store.list(),
    waiting: () => admissions.waiting.values(),
    admitted: () => admissions.admittedByOwner(),
  });
  const events = createEvents(options, metrics);
  const turns = (onTurn: (key: string) => void): WriteTurns =>
    new WriteTurns({ onTurn, now: monotonicMs, hasRoom: () => budget.hasRoom });
  return {
    caches,
    states,
    book,
    admissions,
    events,
    lookAgain,
    metrics,
    roster: new EdgeRoster(caches.slices, () => parts().hub, onEdgeChange),
    reports: new OwnerReports(),
    loads: new LoadBook(now),
    news: createNews({ events, metrics, channels: caches.channels.store, states }),
    statuses: new WrittenStatuses(),
    tokens: createSessionTokens(identity.operatorKey),
    turns: {
      channels: turns((key) => parts().controllers.writes.enqueue(key)),
      sessions: turns((key) => parts().controllers.sessions.enqueue(key)),
    },
  };
}

function createEvents({ client, instance, now, log }: OperatorOptions, metrics: OperatorMetrics): EventRecorder {
  const recorder = createEventRecorder({
    client,
    controller: 'sluice-operator',
    instance,
    now,
    onTrouble: (message, error) => log.warn({ err: error }, message),
  });
  return withLog(recorder, log, (reason) => metrics.events.inc({ reason }));
}

function channelOptions(
  { client, now, publicUrl }: OperatorOptions,
  { caches, book, reports, roster, states, tokens, turns, events, metrics, lookAgain }: Base,
  leadership: () => Leadership,
  writes: () => Controller,
): Omit<ChannelControllerOptions, 'hub'> {
  return {
    sources: {
      channels: caches.channels.store,
      sessions: caches.sessions.store,
      pods: caches.pods.store,
      headers: new HeaderSecrets({ client, now, onRead: (secret) => lookAgain.channelsOfSecret(secret) }),
      book,
      reports,
      edges: () => roster.edges,
      term: () => leadership().term,
    },
    states,
    settings: { publicUrl, tokenSha256: tokens.tokenSha256 },
    events,
    metrics,
    turns: turns.channels,
    write: (key, withinSeconds) => writes().enqueueAfter(key, withinSeconds),
    now,
  };
}

function createHub(
  { identity, log }: OperatorOptions,
  { book, reports, loads, roster, states, metrics, news, lookAgain }: Base,
  channel: Omit<ChannelControllerOptions, 'hub'>,
  leadership: () => Leadership,
): LinkHub {
  const term = () => leadership().term;
  const incidents = new SessionIncidents(
    () => leadership().sinceMs,
    (uid, session, incident) => news.onIncident(uid, session, incident),
  );
  const events = createHubEvents({
    book,
    reports,
    loads,
    states,
    metrics,
    incidents,
    suspendDirect: (uid, message) => suspendDirect(uid, message, channel),
    channelChanged: (key, withinSeconds) => lookAgain.channelWithin(key, withinSeconds),
    positionMoved: channel.write,
    sessionChanged: (key, withinSeconds) => lookAgain.sessionWithin(key, withinSeconds),
    countChanged: (uid) => lookAgain.channelOf(uid),
    watch: (edge, uid) => hub.watch(edge, uid),
    linked: (edge, instance) => roster.connected(edge, instance),
    leaving: (edge) => roster.leaving(edge),
    answerAdmission: (edge, answer) => hub.sendAdmission(edge, answer),
    tellLeave: (edge, goodbye) => hub.sendLeave(edge, goodbye),
    term,
    log,
  });
  const hub = new LinkHub({ identity, term, log, events, counts: (edge, uid) => book.hasViewersOn(edge, uid) });
  return hub;
}

/** @param keepEdges null where the number of edge pods is somebody else's */
function createControllers(
  options: OperatorOptions,
  base: Base,
  planChannel: Reconcile,
  keepEdges: Reconcile | null,
): Parts['controllers'] {
  const { client, pod, now } = options;
  const { caches, states, turns, metrics, news, lookAgain, reports, book, admissions, events, tokens } = base;
  const written = createWrittenVersions(); // by the session controller
  const write = createChannelWriter({
    client,
    states,
    turns: turns.channels,
    report: (uid) => reports.of(uid),
    metrics,
    replan: (key) => lookAgain.channel(key),
    onRefused: (key, error) => news.onRefused(key, error),
    onUndeletable: (key, name, error) => news.onUndeletable(key, name, error),
    now,
  });
  const keepPods = createSessionReconcile({
    client,
    sessions: caches.sessions.store,
    pods: caches.pods.store,
    wrotePod: (key, made) => written.wrote(key, caches.pods, made),
    report: (uid) => reports.of(uid),
    heard: (uid) => reports.of(uid) !== null || book.count(uid).state === 'known',
    admissions,
    statuses: base.statuses,
    turns: turns.sessions,
    isDeleted: ({ metadata, spec }) =>
      states.hasDeleted(keyOf({ ...metadata, name: spec.channelRef.name }), metadata.uid ?? ''),
    channelOf: (session) => channelOf(caches, session),
    events,
    tokens,
    pod,
    now,
  });
  const controller = createControllerFactory(options);
  return {
    channels: controller({ name: 'channel', reconcile: planChannel, workers: 1 }),
    writes: controller({ name: 'channel-writes', reconcile: write, workers: WRITE_WORKERS }),
    sessions: controller({ name: 'session', reconcile: keepPods, workers: SESSION_WORKERS, written }),
    ...(keepEdges === null ? {} : { edgeScale: controller({ name: 'edge-scale', reconcile: keepEdges, workers: 1 }) }),
  };
}
