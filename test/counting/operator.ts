import { Coalescer } from '@sluice/common/link/coalesce.ts';
import type { OperatorMessage } from '@sluice/common/link/messages.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { createMetrics } from '@sluice/common/metrics/metrics.ts';
import { AudienceBook } from '@sluice/operator/audience/book.ts';
import type { AudienceCount } from '@sluice/operator/audience/count.ts';
import { decide } from '@sluice/operator/channel/decide.ts';
import {
  aliveSinceMs,
  type Decision,
  type DeliverySpec,
  type PreviousDecision,
} from '@sluice/operator/channel/decision.ts';
import { ChannelStates } from '@sluice/operator/channel/state.ts';
import { createEdgeInbox } from '@sluice/operator/edge-inbox.ts';
import { parseEdgeMessage } from '@sluice/operator/link/edge-link.ts';
import type { EdgeEndpoint } from '@sluice/operator/link/endpoints.ts';
import { OwnerReports } from '@sluice/operator/link/reports.ts';
import { createOperatorMetrics } from '@sluice/operator/metrics.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Edges with viewers hear the whole count this often, as by the hub. */
const COUNTS_INTERVAL_MS = 200;

/** What an operator of the simulation is told, and whom it tells. */
export interface OperatorOptions {
  readonly time: VirtualTime;
  readonly route: Route;
  readonly spec: DeliverySpec;
  /** What the operator before it decided last, as the Channel's status keeps it. */
  readonly previous: PreviousDecision;
  readonly send: (podUid: string, frame: string) => void;
  readonly onDecision: (before: PreviousDecision, decision: Decision) => void;
}

/** One start of an operator: its real book of viewers, its real inbox and its real decision, for one channel. */
export class OperatorProcess {
  readonly #options: OperatorOptions;
  readonly #book: AudienceBook;
  readonly #take: ReturnType<typeof createEdgeInbox>;
  #decision: PreviousDecision;
  #callOff: () => void = () => {};
  #reportSigns = false;
  #stopped = false;
  readonly #counts: Coalescer;

  constructor(options: OperatorOptions) {
    this.#options = options;
    this.#decision = options.previous;
    const { time, route } = options;
    this.#book = new AudienceBook({
      now: time.now,
      onChange: () => this.#decide(),
      onEdgeChange: () => this.#decide(),
    });
    this.#book.begin();
    const { uid, timeoutSeconds, maxViewers } = route;
    this.#book.follow({ uid, timeoutSeconds, maxViewers, peak: 0 });
    this.#counts = new Coalescer(COUNTS_INTERVAL_MS, () => this.#tellCount(), time.setTimer);
    this.#take = this.#inbox();
    this.#decide();
  }

  get decision(): PreviousDecision {
    return this.#decision;
  }

  count(): AudienceCount {
    return this.#book.count(this.#options.route.uid);
  }

  edgeSeen(podUid: string, ready: boolean): void {
    this.#book.edgeSeen(podUid, ready);
  }

  /** @param challenge the first frame of the edge's connection */
  edgeConnected(podUid: string, challenge: string): void {
    const message = parseEdgeMessage(challenge);
    if (message?.type !== 'challenge') throw new Error('a connection begins with a challenge');
    const { instance = null, restartedSecondsAgo = null } = message;
    this.#book.edgeConnected(podUid, { instance, restartedSecondsAgo });
    this.#send(podUid, { type: 'snapshot', routes: [this.#route()], audiences: [] });
  }

  edgeLost(podUid: string): void {
    this.#book.edgeLost(podUid);
  }

  edgeGone(podUid: string): void {
    this.#book.edgeGone(podUid);
  }

  receive(podUid: string, frame: string): void {
    const message = parseEdgeMessage(frame);
    if (message !== null) this.#take(endpointOf(podUid), message);
  }

  stop(): void {
    this.#stopped = true;
    this.#callOff();
  }

  #tellCount(): void {
    if (this.#stopped) return;
    const { uid } = this.#options.route;
    const { state, viewers, peak } = this.#book.count(uid);
    this.#send(null, {
      type: 'audience',
      audience: { uid, viewers, peak, state, mode: this.#decision.mode, reason: '' },
    });
  }

  #decide(): void {
    if (this.#stopped) return;
    // Edges ask for it only where a channel has a limit.
    if (this.#options.route.maxViewers !== undefined) this.#counts.request();
    const { time, route, spec, onDecision } = this.#options;
    const { state, viewers, trusted, nextChangeMs } = this.#book.count(route.uid);
    const { pending } = this.#decision;
    const since = pending === null ? time.now() : aliveSinceMs(pending, spec.hysteresisSeconds);
    const alive = pending?.target === 'Transcode' ? this.#book.aliveSince(route.uid, since, false) : 0;
    const before = this.#decision;
    const decision = decide({
      nowMs: time.now(),
      spec,
      audience: { state, viewers, trusted, alive },
      pins: [],
      obstacles: { direct: null, transcode: null },
      previous: before,
    });
    this.#decision = decision;
    if (decision.mode !== before.mode) onDecision(before, decision);
    const wakeMs = Math.min(
      decision.wakeAfterSeconds === null ? Number.POSITIVE_INFINITY : decision.wakeAfterSeconds * 1000,
      nextChangeMs === null ? Number.POSITIVE_INFINITY : nextChangeMs - time.now(),
    );
    this.#callOff();
    if (Number.isFinite(wakeMs)) this.#callOff = time.setTimer(() => this.#decide(), Math.max(1, wakeMs));
    this.#askForSigns(decision.pending?.target === 'Transcode');
  }

  /** Signs of life are reported while a promotion to Transcode waits, as the operator's routes say. */
  #askForSigns(wanted: boolean): void {
    if (wanted === this.#reportSigns) return;
    this.#reportSigns = wanted;
    this.#send(null, { type: 'route', route: this.#route() });
  }

  #route(): Route {
    return { ...this.#options.route, mode: this.#decision.mode, reportSigns: this.#reportSigns };
  }

  /** @param podUid null: every edge */
  #send(podUid: string | null, message: OperatorMessage): void {
    this.#options.send(podUid ?? '*', JSON.stringify(message));
  }

  #inbox(): ReturnType<typeof createEdgeInbox> {
    return createEdgeInbox({
      book: this.#book,
      reports: new OwnerReports(),
      states: new ChannelStates(),
      metrics: createOperatorMetrics(createMetrics(), {
        links: () => ({ connected: 0, edges: 0, backlog: 0 }),
        book: this.#book,
        sessions: () => [],
        waiting: () => [],
        admitted: () => new Map(),
      }),
      loads: { take: () => {} },
      incidents: { take: () => {} },
      suspendDirect: () => {},
      channelChanged: () => {},
      positionMoved: () => {},
      sessionChanged: () => {},
      watch: () => {},
      leaving: () => {},
      answerAdmission: (edge, answer) => this.#send(edge, { type: 'admission', ...answer }),
      tellLeave: (edge, { uid, ids, secondsAgo }) =>
        this.#send(edge, { type: 'leave', uid, ids: [...ids], secondsAgo }),
      term: () => 1,
    });
  }
}

function endpointOf(podUid: string): EdgeEndpoint {
  return { podName: podUid, podUid, internalAddress: '', linkAddress: '', ready: true, terminating: false };
}
