import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '@sluice/common/log/log.ts';
import type { Metrics } from '@sluice/common/metrics/metrics.ts';
import { channelOf, createAdmissions } from './admissions.ts';
import { AudienceBook } from './audience/book.ts';
import { type Caches, CHANNELS_BY_SECRET, createCaches } from './caches.ts';
import { type ChannelControllerOptions, createChannelReconcile, suspendDirect } from './channel/controller.ts';
import { HeaderSecrets } from './channel/headers.ts';
import { ChannelStates } from './channel/state.ts';
import { WriteTurns } from './channel/write-turns.ts';
import { createChannelWriter } from './channel/writer.ts';
import { createControllerFactory } from './controllers.ts';
import { debugPages } from './debug.ts';
import { withLog } from './event-log.ts';
import { createHubEvents } from './hub-events.ts';
import type { LinkIdentity } from './keys/link-keys.ts';
import { createSessionTokens, type SessionTokens } from './keys/session-token.ts';
import { type EdgeEndpoint, edgesOf } from './link/endpoints.ts';
import { type HubEvents, LinkHub } from './link/hub.ts';
import { OwnerReports } from './link/reports.ts';
import { faultOf } from './liveness.ts';
import { createOperatorMetrics, type OperatorMetrics } from './metrics.ts';
import { createNews, type News } from './news.ts';
import { createWrittenVersions } from './runtime/cache/written-versions.ts';
import { type Client, keyOf } from './runtime/client/client.ts';
import type { Controller, Reconcile } from './runtime/controller/controller.ts';
import { createEventRecorder, type EventRecorder } from './runtime/events/recorder.ts';
import type { Clock } from './runtime/queue/clock.ts';
import type { Priority } from './runtime/queue/keyed-queue.ts';
import type { AdmissionBook } from './session/admission/admission-book.ts';
import type { SessionLimits } from './session/admission/admit.ts';
import type { PodSettings } from './session/build/pod.ts';
import { createSessionReconcile } from './session/controller.ts';
import { SessionIncidents } from './session/incidents.ts';
import { wakeOnChanges } from './wake-ups.ts';

/** Writes of status wait for the API server: several at a time, so that one slow call holds up few. */
const WRITE_WORKERS = 8;
const SESSION_WORKERS = 8;
/** Plans of a new leader before timers, probes and the lease have their turn: some 20 ms. */
const PLANS_PER_TURN = 100;
/** How often edges that have long been gone are forgotten. */
const SWEEP_SECONDS = 60;
/** Idle channels look at a change of the edges within this time, one after the other. */
const IDLE_SPREAD_SECONDS = 5;
/** Running reconciliations may end in this time at shutdown. */
const STOP_SECONDS = 10;
/** Events that the API server does not take in this time at shutdown are lost: the grace period of the pod is 30 s. */
const FLUSH_SECONDS = 5;

/** What an operator is made of. */
export interface OperatorOptions {
  readonly client: Client;
  readonly identity: LinkIdentity;
  readonly edges: { readonly namespace: string; readonly service: string };
  /** Base of `status.url` without a slash at its end; empty: the status names only the path. */
  readonly publicUrl: string;
  readonly pod: PodSettings;
  readonly limits: SessionLimits;
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

/**
 * The operator without the process around it: the parts, and who has to look again when something changes.
 *
 *   API server -> caches ----> channel ----> link hub -> edges        (the fast path: nothing in it waits)
 *   edges -> audience book ------^   \---> channel-writes -> API server
 *   edges -> owner reports ------^-------> session ---------^
 */
export class Operator {
  readonly #options: OperatorOptions;
  readonly #caches: Caches;
  readonly #states = new ChannelStates();
  readonly #reports = new OwnerReports();
  readonly #book: AudienceBook;
  readonly #hub: LinkHub;
  readonly #admissions: AdmissionBook;
  readonly #events: EventRecorder;
  readonly #news: News;
  readonly #metrics: OperatorMetrics;
  readonly #reconcileChannel: Reconcile;
  readonly #turns = new WriteTurns(
    (key) => this.#writes.enqueue(key),
    () => performance.now(),
  );
  readonly #channels: Controller;
  readonly #writes: Controller;
  readonly #sessions: Controller;
  /** By the session controller. */
  readonly #written = createWrittenVersions();
  #edges: readonly EdgeEndpoint[] = [];
  readonly #startedAtMs: number;
  #phase: 'starting' | 'standby' | 'leader' | 'stopped' = 'starting';
  /** Of this leader; 0 before it leads. */
  #term = 0;
  #ledSinceMs = 0;
  #isDialling = false;
  #sweeping: NodeJS.Timeout | undefined;

  constructor(options: OperatorOptions) {
    const { client, log, now, identity, edges } = options;
    this.#options = options;
    this.#startedAtMs = now();
    const service = { namespace: edges.namespace, name: edges.service };
    this.#caches = createCaches(
      client,
      service,
      (trouble) => log.warn({ trouble }, 'a watch has trouble'),
      options.clock,
    );
    this.#book = new AudienceBook({
      now,
      onChange: (uid) => this.#countChanged(uid),
      onEdgeChange: () => this.#edgesChanged(),
    });
    this.#metrics = createOperatorMetrics(options.metrics, {
      links: () => this.#hub.status(),
      book: this.#book,
      sessions: () => this.#caches.sessions.store.list(),
      waiting: () => this.#admissions.waiting.values(),
    });
    const recorder = createEventRecorder({
      client,
      controller: 'sluice-operator',
      instance: options.instance,
      now,
      onTrouble: (message, error) => log.warn({ err: error }, message),
    });
    this.#events = withLog(recorder, log);
    this.#admissions = createAdmissions(this.#caches, options.limits, (key) => this.#sessions.enqueue(key));
    this.#news = createNews({
      events: this.#events,
      metrics: this.#metrics,
      channels: this.#caches.channels.store,
      states: this.#states,
    });
    const tokens = createSessionTokens(identity.operatorKey);
    const channel = this.#channelOptions(tokens);
    this.#hub = new LinkHub({ identity, term: () => this.#term, log, events: this.#hubEvents(channel) });
    this.#reconcileChannel = createChannelReconcile({ ...channel, hub: this.#hub });
    const controller = createControllerFactory(options);
    this.#channels = controller({ name: 'channel', reconcile: this.#reconcileChannel, workers: 1 });
    this.#writes = controller({ name: 'channel-writes', reconcile: this.#writer(), workers: WRITE_WORKERS });
    const reconcile = this.#sessionReconcile(tokens);
    this.#sessions = controller({ name: 'session', reconcile, workers: SESSION_WORKERS, written: this.#written });
  }

  /**
   * Resolves when all caches are filled: a warm standby, which follows everything and does nothing, neither at the API
   * server nor at an edge.
   */
  async start(): Promise<void> {
    await this.#caches.start();
    if (this.#phase === 'starting') this.#phase = 'standby';
  }

  /**
   * Takes over, once, after {@link start}. Resolves when every channel is planned and the edges are dialled.
   * @param term higher than that of every earlier leader: edges refuse a lower one
   */
  async lead(term: number): Promise<void> {
    if (this.#phase !== 'standby') return;
    this.#phase = 'leader';
    this.#term = term;
    this.#ledSinceMs = this.#options.now();
    this.#book.begin();
    this.#edges = edgesOf(this.#caches.slices.store.list());
    this.#wakeOnChanges();
    await this.#planAll();
    if (this.#isStopped()) return;
    for (const controller of this.#controllers()) controller.start();
    this.#isDialling = true;
    this.#takeEdges();
    this.#sweeping = setInterval(() => this.#book.sweep(), SWEEP_SECONDS * 1000);
  }

  /** Null if all is well, else what is missing. A standby is ready: it can take over. */
  ready(): string | null {
    if (this.#phase === 'stopped') return 'the operator stops';
    return this.#phase === 'starting' ? 'the caches are not filled yet' : null;
  }

  /** Null if the operator lives, else what only a restart mends. */
  live(): string | null {
    return faultOf({
      nowMs: this.#options.now(),
      startedAtMs: this.#startedAtMs,
      heardAtMs: this.#caches.heardAtMs(),
      workingSeconds: Object.fromEntries(this.#controllers().map((each) => [each.name, each.workingSeconds])),
    });
  }

  /** What it knows, for people who look for a fault: pages by path. */
  debugPages(): Readonly<Record<string, () => unknown>> {
    return debugPages({
      channels: () => this.#states.entries(),
      route: (uid) => this.#hub.route(uid),
      controllers: () => this.#controllers(),
      waiting: () => this.#admissions.waiting,
    });
  }

  /** Lets running work end; nothing is left open afterwards but the client. */
  async stop(): Promise<void> {
    this.#phase = 'stopped';
    clearInterval(this.#sweeping);
    await Promise.all(this.#controllers().map((each) => each.stop(STOP_SECONDS)));
    this.#turns.close();
    this.#hub.close();
    await this.#caches.stop();
    await Promise.race([this.#events.flush(), sleep(FLUSH_SECONDS * 1000, undefined, { ref: false })]);
  }

  #isStopped(): boolean {
    return this.#phase === 'stopped';
  }

  #gated(priority: Priority): Priority {
    return this.#options.priorities === false ? 'normal' : priority;
  }

  /** Begins with what the caches hold already, so that nothing is missed. */
  #wakeOnChanges(): void {
    wakeOnChanges(this.#caches, {
      channel: (key, priority) => this.#channels.enqueue(key, this.#gated(priority)),
      session: (key, priority) => this.#sessions.enqueue(key, this.#gated(priority)),
      owner: (session) => this.#admissions.take(session),
      sessionGone: (uid) => this.#admissions.forget(uid),
      edges: () => {
        if (this.#isDialling && !this.#isStopped()) this.#takeEdges();
      },
    });
  }

  /** Every channel is known before the first edge speaks, so that nothing that it says is taken for an error. */
  async #planAll(): Promise<void> {
    const { signal } = new AbortController();
    let planned = 0;
    for (const { metadata } of this.#caches.channels.store.list()) {
      await this.#reconcileChannel(keyOf(metadata), signal).catch(() => {}); // its turn in the queue reports the error
      planned += 1;
      if (planned % PLANS_PER_TURN === 0) await nextTurn();
    }
  }

  #controllers(): readonly Controller[] {
    return [this.#channels, this.#writes, this.#sessions];
  }

  #channelOptions(tokens: SessionTokens): Omit<ChannelControllerOptions, 'hub'> {
    const { client, now, publicUrl } = this.#options;
    return {
      sources: {
        channels: this.#caches.channels.store,
        sessions: this.#caches.sessions.store,
        pods: this.#caches.pods.store,
        headers: new HeaderSecrets({ client, now, onRead: (secret) => this.#secretRead(secret) }),
        book: this.#book,
        reports: this.#reports,
        edges: () => this.#edges,
        term: () => this.#term,
      },
      states: this.#states,
      settings: { publicUrl, tokenSha256: tokens.tokenSha256 },
      events: this.#events,
      metrics: this.#metrics,
      write: (key) => this.#writes.enqueue(key),
      now,
    };
  }

  #writer(): Reconcile {
    const { client, now } = this.#options;
    return createChannelWriter({
      client,
      states: this.#states,
      turns: this.#turns,
      metrics: this.#metrics,
      replan: (key) => this.#channels.enqueue(key),
      onRefused: (key, error) => this.#news.onRefused(key, error),
      onUndeletable: (key, name, error) => this.#news.onUndeletable(key, name, error),
      now,
    });
  }

  #sessionReconcile(tokens: SessionTokens): Reconcile {
    const { client, pod, now } = this.#options;
    return createSessionReconcile({
      client,
      sessions: this.#caches.sessions.store,
      pods: this.#caches.pods.store,
      wrotePod: (key, made) => this.#written.wrote(key, this.#caches.pods, made),
      report: (uid) => this.#reports.of(uid),
      heard: (uid) => this.#reports.of(uid) !== null || this.#book.count(uid).state === 'known',
      admissions: this.#admissions,
      channelOf: (session) => channelOf(this.#caches, session),
      events: this.#events,
      tokens,
      pod,
      now,
    });
  }

  #hubEvents(channel: Omit<ChannelControllerOptions, 'hub'>): HubEvents {
    return createHubEvents({
      book: this.#book,
      reports: this.#reports,
      states: this.#states,
      metrics: this.#metrics,
      incidents: new SessionIncidents(
        () => this.#ledSinceMs,
        (uid, session, incident) => this.#news.onIncident(uid, session, incident),
      ),
      suspendDirect: (uid, message) => suspendDirect(uid, message, channel),
      channelChanged: (key, withinSeconds) => this.#channels.enqueueAfter(key, withinSeconds),
      sessionChanged: (key, withinSeconds) => this.#sessions.enqueueAfter(key, withinSeconds),
      countChanged: (uid) => this.#countChanged(uid),
      term: () => this.#term,
      log: this.#options.log,
    });
  }

  /** Who the edges are, and which of them are ready, decides the owners of every channel. */
  #takeEdges(): void {
    const next = edgesOf(this.#caches.slices.store.list());
    const moved = !isDeepStrictEqual(next, this.#edges);
    this.#edges = next;
    this.#hub.setEdges(next);
    if (moved) this.#edgesChanged();
  }

  /** Channels that are watched come first; the others can wait, so that ten thousand of them hold up nobody. */
  #edgesChanged(): void {
    for (const [key, { memory, wanted }] of this.#states.entries()) {
      const isIdle = memory.decision.mode === 'Idle' && (wanted?.mode ?? 'Idle') === 'Idle';
      if (isIdle) this.#channels.enqueueAfter(key, Math.random() * IDLE_SPREAD_SECONDS, this.#gated('background'));
      else this.#channels.enqueue(key);
    }
  }

  #countChanged(uid: string): void {
    const key = this.#states.keyOf(uid);
    if (key !== undefined) this.#channels.enqueue(key);
  }

  #secretRead(secret: string): void {
    for (const { metadata } of this.#caches.channels.store.byIndex(CHANNELS_BY_SECRET, secret)) {
      this.#channels.enqueue(keyOf(metadata));
    }
  }
}
