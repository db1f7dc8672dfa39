import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Channel } from '@sluice/crds';
import { takeForeignStatus } from './channel/foreign-status.ts';
import { debugPages } from './debug.ts';
import { faultOf } from './liveness.ts';
import { createParts, type OperatorOptions, type Parts } from './parts.ts';
import { keyOf } from './runtime/client/client.ts';
import type { Controller } from './runtime/controller/controller.ts';
import { wakeOnChanges } from './wake-ups.ts';

/** Plans of a new leader before timers, probes and the lease have their turn: some 20 ms. */
const PLANS_PER_TURN = 100;
/** How often edges that have long been gone are forgotten. */
const SWEEP_SECONDS = 60;
/** Running reconciliations may end in this time at shutdown. */
const STOP_SECONDS = 10;
/** Events that the API server does not take in this time at shutdown are lost: the grace period of the pod is 30 s. */
const FLUSH_SECONDS = 5;

/** The operator without the process around it: from cold over warm standby to leader, and to an orderly end. */
export class Operator {
  readonly #now: () => number;
  readonly #parts: Parts;
  readonly #startedAtMs: number;
  #phase: 'starting' | 'standby' | 'leader' | 'stopped' = 'starting';
  #leadership = { term: 0, sinceMs: 0 };
  #sweeping: NodeJS.Timeout | undefined;

  constructor(options: OperatorOptions) {
    this.#now = options.now;
    this.#startedAtMs = options.now();
    this.#parts = createParts(options, () => this.#leadership);
  }

  /**
   * Resolves when all caches are filled: a warm standby, which follows everything and does nothing, neither at the API
   * server nor at an edge.
   */
  async start(): Promise<void> {
    await this.#parts.caches.start();
    if (this.#phase === 'starting') this.#phase = 'standby';
  }

  /**
   * Takes over, once, after {@link start}. Resolves when every channel is planned and the edges are dialled.
   * @param term higher than that of every earlier leader: edges refuse a lower one
   */
  async lead(term: number): Promise<void> {
    if (this.#phase !== 'standby') return;
    this.#phase = 'leader';
    this.#leadership = { term, sinceMs: this.#now() };
    const { book, roster } = this.#parts;
    book.begin();
    roster.read();
    this.#wakeOnChanges();
    await this.#planAll();
    if (this.#isStopped()) return;
    for (const controller of this.#controllers()) controller.start();
    roster.dial();
    this.#lookAtEdges();
    this.#sweeping = setInterval(() => book.sweep(), SWEEP_SECONDS * 1000);
  }

  /** Null if all is well, else what is missing. A standby is ready: it can take over. */
  ready(): string | null {
    if (this.#phase === 'stopped') return 'the operator stops';
    return this.#phase === 'starting' ? 'the caches are not filled yet' : null;
  }

  /** Null if the operator lives, else what only a restart mends. */
  live(): string | null {
    return faultOf({
      nowMs: this.#now(),
      startedAtMs: this.#startedAtMs,
      heardAtMs: this.#parts.caches.heardAtMs(),
      workingSeconds: Object.fromEntries(this.#controllers().map((each) => [each.name, each.workingSeconds])),
    });
  }

  /** What it knows, for people who look for a fault: pages by path. */
  debugPages(): Readonly<Record<string, () => unknown>> {
    const { states, hub, admissions, roster, loads } = this.#parts;
    return debugPages({
      channels: () => states.entries(),
      route: (uid) => hub.route(uid),
      controllers: () => this.#controllers(),
      waiting: () => admissions.waiting,
      edges: () => roster.edges,
      load: (podUid) => loads.of(podUid),
    });
  }

  /** Lets running work end; nothing is left open afterwards but the client. */
  async stop(): Promise<void> {
    const { caches, roster, turns, hub, events } = this.#parts;
    this.#phase = 'stopped';
    clearInterval(this.#sweeping);
    roster.close();
    await Promise.all(this.#controllers().map((each) => each.stop(STOP_SECONDS)));
    for (const each of Object.values(turns)) each.close();
    hub.close();
    await caches.stop();
    await Promise.race([events.flush(), sleep(FLUSH_SECONDS * 1000, undefined, { ref: false })]);
  }

  #isStopped(): boolean {
    return this.#phase === 'stopped';
  }

  #controllers(): readonly Controller[] {
    return Object.values(this.#parts.controllers);
  }

  /** Begins with what the caches hold already, so that nothing is missed. */
  #wakeOnChanges(): void {
    const { caches, lookAgain, admissions, roster, statuses } = this.#parts;
    wakeOnChanges(caches, {
      channel: (key, priority) => lookAgain.channel(key, priority),
      channelStatus: (channel) => this.#checkStatus(channel),
      session: (key, priority) => lookAgain.session(key, priority),
      sessionStatus: (session) => {
        if (statuses.isForeign(session)) lookAgain.session(keyOf(session.metadata));
      },
      owner: (session) => admissions.take(session),
      sessionGone: (uid) => admissions.forget(uid),
      edges: () => {
        roster.changed();
        this.#lookAtEdges();
      },
    });
  }

  /** Nobody else has a say in the status of a Channel: what somebody else wrote is written over. */
  #checkStatus(channel: Channel): void {
    const { states, controllers } = this.#parts;
    const key = keyOf(channel.metadata);
    const state = states.get(key);
    if (state !== undefined && takeForeignStatus(channel, state)) controllers.writes.enqueue(key);
  }

  /** At how many edge pods there should be, if that is this operator's to decide. */
  #lookAtEdges(): void {
    const { controllers, edgeDeployment } = this.#parts;
    if (edgeDeployment !== null) controllers.edgeScale?.enqueue(edgeDeployment);
  }

  /** Every channel is known before the first edge speaks, so that nothing that it says is taken for an error. */
  async #planAll(): Promise<void> {
    const { caches, planChannel } = this.#parts;
    const { signal } = new AbortController();
    let planned = 0;
    for (const { metadata } of caches.channels.store.list()) {
      await planChannel(keyOf(metadata), signal).catch(() => {}); // its turn in the queue reports the error
      planned += 1;
      if (planned % PLANS_PER_TURN === 0) await nextTurn();
      // A link that is closed must not be given anything to send later.
      if (this.#isStopped()) return;
    }
  }
}
