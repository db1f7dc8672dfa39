import { messageOf } from '@sluice/common/errors/error.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import type { AudienceBook } from '../audience/book.ts';
import { DEPLOYMENT, type Deployment, POD } from '../kinds.ts';
import type { EdgeEndpoint } from '../link/endpoints.ts';
import type { OperatorMetrics } from '../metrics.ts';
import { ApiError } from '../runtime/client/api-error.ts';
import { type Client, nameOf } from '../runtime/client/client.ts';
import type { Reconcile, ReconcileResult } from '../runtime/controller/controller.ts';
import type { EventRecorder } from '../runtime/events/recorder.ts';
import { decideScale, type ScaleDecision, type ScaleMemory, type ScaleReason } from './decide.ts';
import {
  COSTS_PER_SECOND,
  costsToWrite,
  DELETION_COST_ANNOTATION,
  type PodDuties,
  type WrittenCost,
} from './deletion-cost.ts';
import { edgeScaleFailed, edgesAtMaximum, edgesScaled } from './events.ts';
import type { LoadBook } from './load-book.ts';
import type { EdgeScaleSettings } from './settings.ts';

const FIELD_MANAGER = 'sluice-edge-scale';
/** The ReplicaSet controller reads costs out of a cache of its own, which is behind by some milliseconds. */
const COSTS_SETTLE_SECONDS = 1;
/** With hundreds of edges their costs stay below half of what an operator may write at rest, 20 a second. */
const COSTS_AT_ONCE = 10;
const COSTS_PAUSE_SECONDS = COSTS_AT_ONCE / COSTS_PER_SECOND;
/** A Deployment that is not there, or that the operator may not scale, needs somebody's help first. */
const TROUBLE_SECONDS = 30;
/** An API server that is busy or away for a moment. */
const RETRY_SECONDS = 5;

/** Why the number stays although it might not: worth a line of log. */
const WORTH_TELLING: ReadonlySet<ScaleReason> = new Set(['LoadUnknown', 'PodsNotReady', 'SwitchedOff']);

/** What the controller of the number of edge pods works with. */
export interface EdgeScaleOptions {
  readonly client: Client;
  readonly settings: EdgeScaleSettings;
  readonly edges: () => readonly EdgeEndpoint[];
  readonly loads: Pick<LoadBook, 'of'>;
  readonly book: Pick<AudienceBook, 'totalViewers'>;
  /** What each of these edges has to do; asked only before one goes. */
  readonly duties: (edges: readonly EdgeEndpoint[]) => readonly PodDuties[];
  readonly events: EventRecorder;
  readonly metrics: Pick<OperatorMetrics, 'edgeScale' | 'edgeScalings'>;
  readonly log: Logger;
  readonly now: () => number;
}

/**
 * Makes the reconciliation of the edges' Deployment, by its key `namespace/name`: read its scale, decide, and where it
 * is to change write `spec.replicas` by the scale subresource. Nothing else of the Deployment is ever written. Before
 * one pod goes, all are told what they are worth: the owner of a busy channel goes last.
 */
export function createEdgeScaleReconcile(options: EdgeScaleOptions): Reconcile {
  const scaler = new EdgeScaler(options);
  return async (key) => {
    try {
      return await scaler.reconcile(key);
    } catch (error) {
      // Whatever it is, edges and load go on: the next look may find it mended.
      return scaler.failed(key, error);
    }
  };
}

class EdgeScaler {
  readonly #options: EdgeScaleOptions;
  readonly #written = new Map<string, WrittenCost>();
  /** What a predecessor saw is not known: the first pod goes after a whole window of this operator's own. */
  #memory: ScaleMemory = { lowSinceMs: null };
  #lastReason: ScaleReason | null = null;
  /** For events: known from the first answer on. */
  #deployment: Deployment | null = null;

  constructor(options: EdgeScaleOptions) {
    this.#options = options;
  }

  async reconcile(key: string): Promise<ReconcileResult> {
    const { client, metrics } = this.#options;
    const scale = await client.getScale(DEPLOYMENT, nameOf(key));
    if (scale === null) throw new Error(`there is no Deployment ${key}`);
    this.#deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: scale.metadata };
    const decision = this.#decide(scale.replicas);
    metrics.edgeScale.set({ state: 'current' }, scale.replicas);
    metrics.edgeScale.set({ state: 'desired' }, decision.replicas);
    this.#tell(decision);
    if (decision.replicas === scale.replicas) {
      this.#memory = decision.memory;
      return { requeueAfterSeconds: decision.recheckSeconds };
    }
    const waitSeconds = decision.replicas < scale.replicas ? await this.#writeCosts() : 0;
    if (waitSeconds > 0) return { requeueAfterSeconds: waitSeconds };
    await client.applyScale(DEPLOYMENT, nameOf(key), decision.replicas, FIELD_MANAGER);
    this.#memory = decision.memory;
    this.#changed(scale.replicas, decision);
    return { requeueAfterSeconds: decision.recheckSeconds };
  }

  /** Tells that the Deployment could not be brought to where it should be, if that is not over by itself. */
  failed(key: string, error: unknown): ReconcileResult {
    const { log, events } = this.#options;
    const trouble = messageOf(error);
    log.warn({ deployment: key, trouble }, 'the number of edge pods cannot be kept');
    if (error instanceof ApiError && error.retryable) return { requeueAfterSeconds: RETRY_SECONDS };
    if (this.#deployment !== null) events.record(this.#deployment, edgeScaleFailed(trouble));
    return { requeueAfterSeconds: TROUBLE_SECONDS };
  }

  #decide(replicas: number): ScaleDecision {
    const { settings, edges, loads, book, now } = this.#options;
    const all = edges();
    return decideScale({
      nowMs: now(),
      replicas,
      pods: all.map(({ podName, podUid }) => ({ name: podName, load: loads.of(podUid) })),
      readyPods: all.filter(({ ready, terminating }) => ready && !terminating).length,
      viewers: book.totalViewers(),
      settings,
      memory: this.#memory,
    });
  }

  /**
   * Writes what each pod is worth, where that is not known or has changed.
   * @returns seconds until whoever reads it knows what was written last; 0: it does
   */
  async #writeCosts(): Promise<number> {
    const { edges, duties, now } = this.#options;
    const staying = edges().filter(({ terminating }) => !terminating);
    for (const uid of this.#written.keys()) {
      if (!staying.some(({ podUid }) => podUid === uid)) this.#written.delete(uid);
    }
    const costs = costsToWrite(duties(staying), this.#written, now());
    for (const { podName, podUid, cost } of costs.slice(0, COSTS_AT_ONCE)) {
      await this.#writeCost(podName, podUid, cost);
      this.#written.set(podUid, { cost, atMs: now() });
    }
    if (costs.length > COSTS_AT_ONCE) return COSTS_PAUSE_SECONDS;
    const lastMs = Math.max(0, ...[...this.#written.values()].map(({ atMs }) => atMs));
    return Math.max(0, COSTS_SETTLE_SECONDS - (now() - lastMs) / 1000);
  }

  async #writeCost(name: string, uid: string, cost: number): Promise<void> {
    const { client } = this.#options;
    const namespace = this.#deployment?.metadata.namespace ?? '';
    const annotations = { [DELETION_COST_ANNOTATION]: String(cost) };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name, uid, annotations } };
    try {
      await client.apply(POD, pod, FIELD_MANAGER);
    } catch (error) {
      // With its uid an apply makes no pod in the place of one that is gone: there is nothing left to go.
      if (!(error instanceof ApiError && ['Conflict', 'NotFound'].includes(error.code))) throw error;
    }
  }

  #changed(before: number, decision: ScaleDecision): void {
    const { log, events, metrics } = this.#options;
    const { replicas, reason, message } = decision;
    metrics.edgeScalings.inc({ direction: replicas > before ? 'up' : 'down' });
    log.info({ from: before, to: replicas, reason, why: message }, 'the number of edge pods changes');
    if (this.#deployment !== null) events.record(this.#deployment, edgesScaled(before, decision));
  }

  /** News alone: a decision is made every few seconds. */
  #tell(decision: ScaleDecision): void {
    const { log, events } = this.#options;
    const { reason, message, replicas } = decision;
    if (reason === this.#lastReason) return;
    this.#lastReason = reason;
    const level = WORTH_TELLING.has(reason) ? 'info' : 'debug';
    log[level]({ replicas, reason, why: message }, 'the number of edge pods has another reason');
    if (reason === 'AtMaximum' && this.#deployment !== null) {
      log.warn({ replicas, why: message }, 'the edges carry more than they should, and there may be no more of them');
      events.record(this.#deployment, edgesAtMaximum(decision));
    }
  }
}
