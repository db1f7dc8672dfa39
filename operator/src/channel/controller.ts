import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Channel } from '@sluice/crds';
import type { LinkHub } from '../link/hub.ts';
import type { OperatorMetrics } from '../metrics.ts';
import { keyOf } from '../runtime/client/client.ts';
import type { Reconcile, ReconcileResult } from '../runtime/controller/controller.ts';
import type { EventRecorder } from '../runtime/events/recorder.ts';
import { directSuspended } from './events.ts';
import { type ChannelSources, gather, hasPods, podsOf } from './gather.ts';
import { leftovers, removalOf } from './leftovers.ts';
import { remember } from './memory.ts';
import { type ChannelPlan, type PlanSettings, planChannel } from './plan.ts';
import type { ChannelState, ChannelStates } from './state.ts';
import { settleSeconds } from './status-gate.ts';
import type { WriteTurns } from './write-turns.ts';
import { UNSEEN_SECONDS } from './writer.ts';

/** How long a channel stays above Direct after a viewer could not reach its source. */
const DIRECT_SUSPENSION_SECONDS = 600;

/** What the channel controller works with. */
export interface ChannelControllerOptions {
  readonly sources: ChannelSources;
  readonly states: ChannelStates;
  readonly hub: Pick<LinkHub, 'setRoute' | 'setAudience' | 'remove' | 'route'>;
  readonly settings: PlanSettings;
  readonly events: EventRecorder;
  readonly metrics: OperatorMetrics;
  /** Whose turn it is to write what can wait. */
  readonly turns: Pick<WriteTurns, 'reserve'>;
  /** Asks for the writes that a plan needs; they have a queue of their own, so that no API call delays a route. */
  readonly write: (key: string, withinSeconds: number) => void;
  readonly now: () => number;
}

/**
 * Gather, decide, build and tell the edges: all of it at once and without waiting for anything, so that a viewer's
 * arrival becomes a new route within a millisecond. What the API server has to know is left to the writer.
 */
export function createChannelReconcile(options: ChannelControllerOptions): Reconcile {
  return async (key) => reconcile(key, options);
}

function reconcile(key: string, options: ChannelControllerOptions): ReconcileResult | undefined {
  const cached = options.sources.channels.get(key);
  const channel = cached?.metadata.deletionTimestamp === undefined ? cached : undefined;
  const known = options.states.get(key);
  if (known !== undefined && channel?.metadata.uid !== known.uid) forget(key, known, options);
  if (channel === undefined) return undefined;
  const nowMs = options.now();
  const state = options.states.get(key) ?? meet(channel, nowMs, options);
  follow(channel, state, options);
  const observed = gather(channel, state, options.sources, nowMs);
  const route = options.hub.route(state.uid);
  const plan = planChannel(observed, options.settings, route);
  measure(state, plan, observed.report, options, nowMs);
  tell(channel, plan, options);
  keep(state, plan);
  settle(state, options);
  const left = leftovers(state.removed.values(), ({ metadata }) => podsOf(metadata, options.sources.pods), nowMs);
  for (const event of left.events) options.events.record(channel, event);
  const writeWithinSeconds = settleSeconds(state, nowMs, (claim) => options.turns.reserve(key, claim));
  if (writeWithinSeconds !== null) options.write(key, writeWithinSeconds);
  return soonest(plan.wakeAfterSeconds, state.made.size === 0 ? null : UNSEEN_SECONDS, left.wakeAfterSeconds);
}

function soonest(...waits: readonly (number | null)[]): ReconcileResult | undefined {
  const known = waits.filter((seconds) => seconds !== null);
  return known.length === 0 ? undefined : { requeueAfterSeconds: Math.min(...known) };
}

/** A viewer could not reach the source: remembers it if the channel is in Direct, where alone it means anything. */
export function suspendDirect(uid: string, message: string, options: Omit<ChannelControllerOptions, 'hub'>): void {
  const key = options.states.keyOf(uid);
  const state = key === undefined ? undefined : options.states.get(key);
  const channel = key === undefined ? undefined : options.sources.channels.get(key);
  if (state === undefined || channel === undefined || state.memory.decision.mode !== 'Direct') return;
  const until = options.now() + DIRECT_SUSPENSION_SECONDS * 1000;
  state.memory = { ...state.memory, directSuspendedUntilMs: until };
  options.events.record(channel, directSuspended(message));
}

function meet(channel: Channel, nowMs: number, options: ChannelControllerOptions): ChannelState {
  const state: ChannelState = {
    uid: channel.metadata.uid ?? '',
    namespace: channel.metadata.namespace ?? 'default',
    name: channel.metadata.name,
    memory: remember(channel, nowMs),
    wanted: channel.status,
    written: channel.status,
    writtenVersion: channel.metadata.resourceVersion ?? '',
    isWriting: false,
    writtenMs: nowMs,
    made: new Map(),
    madeMs: 0,
    refusal: null,
    removed: new Map(),
    promotionSinceMs: null,
  };
  options.states.set(keyOf(channel.metadata), state);
  return state;
}

function follow({ spec }: Channel, state: ChannelState, { sources }: ChannelControllerOptions): void {
  const { timeoutSeconds, maxViewers } = spec.viewers;
  sources.book.follow({ uid: state.uid, timeoutSeconds, maxViewers, peak: state.written?.viewers?.peak ?? 0 });
}

function forget(key: string, state: ChannelState, options: ChannelControllerOptions): void {
  options.hub.remove(state.uid);
  options.sources.book.forget(state.uid);
  options.sources.reports.forget(state.uid);
  options.metrics.forgetChannel(state.uid, state.namespace, state.name);
  options.states.delete(key);
  options.write(key, 0); // nothing is written: the writer forgets what it keeps of the channel
}

/** The edges first: everything else can wait. */
function tell(channel: Channel, plan: ChannelPlan, { hub, events, sources }: ChannelControllerOptions): void {
  if (plan.resetPeak) sources.book.resetPeak(channel.metadata.uid ?? '');
  if (plan.route !== null) hub.setRoute(plan.route);
  hub.setAudience(plan.audience);
  for (const event of plan.events) events.record(channel, event);
}

function keep(state: ChannelState, plan: ChannelPlan): void {
  state.memory = plan.memory;
  state.wanted = plan.status;
  if (plan.createSession !== null) state.made.set(plan.createSession.metadata.name, plan.createSession);
  for (const session of plan.removeSessions) {
    const { uid, name } = session.metadata;
    if (uid === undefined) state.made.delete(name);
    else if (!state.removed.has(uid)) state.removed.set(uid, removalOf(session));
  }
}

/**
 * Drops what the cache has caught up with. A session of the same name is not enough: one of a deleted Channel of this
 * name may still be on its way out.
 */
function settle(state: ChannelState, { sources }: ChannelControllerOptions): void {
  for (const name of state.made.keys()) {
    const cached = sources.sessions.get(`${state.namespace}/${name}`);
    const isSeen = cached?.metadata.ownerReferences?.some(({ uid }) => uid === state.uid) ?? false;
    if (isSeen) state.made.delete(name);
  }
  for (const [uid, { session, deletedAtMs }] of state.removed) {
    const isCached = sources.sessions.get(keyOf(session.metadata))?.metadata.uid === uid;
    if (deletedAtMs !== null && !isCached && !hasPods(session.metadata, sources.pods)) state.removed.delete(uid);
  }
}

/** Compares the plan with what was before it, while that is still known. */
function measure(
  state: ChannelState,
  plan: ChannelPlan,
  report: OwnerReport | null,
  { metrics }: ChannelControllerOptions,
  nowMs: number,
): void {
  const { uid, namespace, name, memory } = state;
  const active = plan.status.mode ?? 'Idle';
  const now = { viewers: plan.audience.viewers, desired: plan.decision.mode, active };
  metrics.observeChannel(uid, namespace, name, now);
  if (plan.decision.mode !== memory.decision.mode) {
    metrics.decisions.inc({ to: plan.decision.mode, reason: plan.decision.reason.code });
    state.promotionSinceMs = plan.decision.mode === 'Transcode' ? nowMs : null;
  }
  const was = state.wanted?.mode ?? active;
  if (was !== active) metrics.switches.inc({ from: was, to: active });
  if (state.promotionSinceMs !== null && report?.activeMode === 'Transcode') {
    metrics.promotionSeconds.observe((nowMs - state.promotionSinceMs) / 1000);
    state.promotionSinceMs = null;
  }
}
