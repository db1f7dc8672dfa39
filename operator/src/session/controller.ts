import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Channel, StreamSession, StreamSessionStatus } from '@sluice/crds';
import type { WriteTurns } from '../channel/write-turns.ts';
import type { SessionTokens } from '../keys/session-token.ts';
import { POD, type Pod, STREAM_SESSION } from '../kinds.ts';
import { sameJson } from '../runtime/apply/apply.ts';
import { beginStatus } from '../runtime/apply/status-transaction.ts';
import type { ReadonlyStore } from '../runtime/cache/store.ts';
import { hasReason } from '../runtime/client/api-error.ts';
import { type Client, keyOf } from '../runtime/client/client.ts';
import type { Reconcile, ReconcileResult } from '../runtime/controller/controller.ts';
import { isTypedError } from '../runtime/errors/error.ts';
import type { EventRecorder } from '../runtime/events/recorder.ts';
import type { AdmissionBook } from './admission/admission-book.ts';
import { fallbackEvent } from './build/acceleration.ts';
import { buildPod, type PodSettings } from './build/pod.ts';
import { belongsTo, deletePods, endOrphan, type Orphanhood } from './clean-up.ts';
import type { Refusal } from './gpu.ts';
import { type ObservedSession, planSession, rememberSession, type SessionMemory, type SessionPlan } from './plan.ts';
import { makeSecret } from './secret.ts';
import { statusEvents } from './status-events.ts';
import type { WrittenStatuses } from './written-statuses.ts';

/** Index of pods by `namespace/name` of their StreamSession. */
export const PODS_BY_SESSION = 'session';
/** A quota, a policy or a name that is taken is mended by people: tried again twice a minute. */
const REFUSED_RETRY_SECONDS = 30;
/**
 * Progress and the wording of conditions may be this old in the status, and older while others have their turn; all else
 * is written at once. Two hundred transcodes cost three writes a second.
 */
const PROGRESS_EVERY_SECONDS = 60;
/** Field manager of everything that the session controller applies. */
const FIELD_MANAGER = 'sluice-session';

/** What the session controller works with. */
export interface SessionControllerOptions {
  readonly client: Client;
  readonly sessions: ReadonlyStore<StreamSession>;
  readonly pods: ReadonlyStore<Pod>;
  /** A pod was made for the StreamSession of this key; nothing is decided for it before `pods` has it. */
  readonly wrotePod: (key: string, pod: Pod) => void;
  /** What the owner of the channel with this uid said last. */
  readonly report: (channelUid: string) => OwnerReport | null;
  /** Whether all edges have told what they know of that channel. */
  readonly heard: (channelUid: string) => boolean;
  /** Who may run within the limits. */
  readonly admissions: Pick<AdmissionBook, 'verdict'>;
  /** What is known of the statuses that stand in the API server. */
  readonly statuses: WrittenStatuses;
  /** Whose turn it is to write what can wait. */
  readonly turns: Pick<WriteTurns, 'take' | 'done' | 'forget'>;
  /** Whether this operator has deleted a session: the cache may show it for as long as its watch is silent. */
  readonly isDeleted: (session: StreamSession) => boolean;
  /** The Channel that a session works for; undefined: there is none. */
  readonly channelOf: (session: StreamSession) => Channel | undefined;
  readonly events: EventRecorder;
  readonly tokens: SessionTokens;
  readonly pod: PodSettings;
  readonly now: () => number;
}

interface SessionState extends Orphanhood {
  readonly uid: string;
  memory: SessionMemory;
  /** Why the API server did not allow the last pod; null: it did. */
  refusal: Refusal | null;
  written: StreamSessionStatus | undefined;
  writtenMs: number;
}

/** Keeps one pod of each StreamSession at work, two during a replacement, and says how it stands. */
export function createSessionReconcile(options: SessionControllerOptions): Reconcile {
  const states = new Map<string, SessionState>();
  return async (key) => {
    const session = options.sessions.get(key);
    const known = states.get(key);
    if (known !== undefined && known.uid !== session?.metadata.uid) states.delete(key);
    if (session === undefined || session.metadata.deletionTimestamp !== undefined) {
      options.turns.forget(key);
      options.statuses.forget(key);
      return undefined;
    }
    const state = states.get(key) ?? meet(session);
    if (!states.has(key)) options.statuses.read(session);
    states.set(key, state);
    takeForeignStatus(session, state, options);
    const plan = (): SessionPlan => planSession(observe(key, session, state, options));
    const before = plan();
    const wasRefused = state.refusal?.message;
    await makePods(session, state, before, options);
    const left = await deletePods(session, before.deletePods, options);
    const { status, wakeAfterSeconds } = state.refusal?.message === wasRefused ? before : plan();
    const retry = state.refusal === null ? null : REFUSED_RETRY_SECONDS;
    const wait = await writeStatus(key, session, state, status, options).finally(() => options.turns.done(key));
    return soonest(wakeAfterSeconds, retry, wait, left, await endOrphan(session, state, options));
  };
}

function observe(
  key: string,
  session: StreamSession,
  state: SessionState,
  options: SessionControllerOptions,
): ObservedSession {
  return {
    nowMs: options.now(),
    session: state.written === undefined ? session : withStatus(session, state.written),
    pods: options.pods.byIndex(PODS_BY_SESSION, key),
    report: reportOf(session, options),
    heard: options.heard(channelOf(session)),
    refusal: state.refusal,
    admission: options.admissions.verdict(session),
    memory: state.memory,
    isWanted: belongsTo(session, options.channelOf(session)) && !options.isDeleted(session),
    mayFallBack: options.pod.encoders?.hardwareFallback ?? true,
  };
}

/** The cached status, the echo of ours, is not even read. */
function withStatus(session: StreamSession, status: StreamSessionStatus): StreamSession {
  const { apiVersion, kind, metadata, spec } = session;
  return { apiVersion, kind, metadata, spec, status };
}

/** Nobody else has a say in the status of a session: what somebody else wrote is compared with what should stand there. */
function takeForeignStatus(session: StreamSession, state: SessionState, { statuses }: SessionControllerOptions): void {
  if (!statuses.isForeign(session)) return;
  state.written = session.status;
  statuses.read(session);
}

function meet(session: StreamSession): SessionState {
  return {
    uid: session.metadata.uid ?? '',
    memory: rememberSession(session),
    refusal: null,
    written: session.status,
    writtenMs: 0,
    orphanSinceMs: null,
  };
}

/** The uid of the Channel that a session works for. */
function channelOf(session: StreamSession): string {
  return session.metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid ?? '';
}

function reportOf(session: StreamSession, { report }: SessionControllerOptions) {
  const said = report(channelOf(session))?.session ?? null;
  return said?.name === session.metadata.name ? said : null;
}

async function makePods(
  session: StreamSession,
  state: SessionState,
  plan: SessionPlan,
  options: SessionControllerOptions,
): Promise<void> {
  try {
    if (plan.createAttempt !== null) await makePod(session, plan.createAttempt, plan.memory.gpuRefusal, options);
    state.memory = plan.memory;
    state.refusal = null;
  } catch (error) {
    if (!isTypedError(error) || error.retryable) throw error;
    const sinceMs = state.refusal?.sinceMs ?? options.now();
    state.refusal = { sinceMs, message: error.message, gpuRefusal: plan.memory.gpuRefusal };
  }
}

/** The Secret first: a pod that mounts it does not start without it. */
async function makePod(
  session: StreamSession,
  attempt: number,
  gpuRefusal: string | null,
  { client, tokens, pod, wrotePod }: SessionControllerOptions,
): Promise<void> {
  await makeSecret(session, tokens.token(session.metadata.uid ?? ''), client);
  try {
    wrotePod(keyOf(session.metadata), await client.create(POD, buildPod(session, attempt, gpuRefusal, pod)));
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error;
  }
}

async function writeStatus(
  key: string,
  session: StreamSession,
  state: SessionState,
  status: StreamSessionStatus,
  controller: SessionControllerOptions,
): Promise<number | null> {
  const { client, statuses, turns, now } = controller;
  if (sameJson(status, state.written)) return null;
  if (sameJson(essence(status), essence(state.written ?? {}))) {
    const wait = PROGRESS_EVERY_SECONDS - (now() - state.writtenMs) / 1000;
    if (wait > 0) return wait;
    if (!turns.take(key, 'count')) return null;
  }
  try {
    await statuses.note(key, (onWritten) => {
      const transaction = beginStatus({
        type: STREAM_SESSION,
        object: { metadata: session.metadata, status: state.written },
        fieldManager: FIELD_MANAGER,
        nowMilliseconds: now(),
        onWritten,
      });
      transaction.set(status);
      return transaction.commit(client);
    });
  } catch (error) {
    if (hasReason(error, 'NotFound')) return null; // deleted meanwhile
    throw error; // a conflict, too: it is tried again until the cache tells of another session of this name
  }
  tell(session, state.written, status, controller);
  state.written = status;
  state.writtenMs = now();
  return null;
}

/** On the session and on its Channel, which is where users look. */
function tell(
  session: StreamSession,
  before: StreamSessionStatus | undefined,
  after: StreamSessionStatus,
  { events, channelOf: findChannel }: SessionControllerOptions,
): void {
  const channel = findChannel(session);
  for (const event of statusEvents(session.metadata.name, before, after)) {
    events.record(session, event);
    if (channel !== undefined) events.record(channel, event);
  }
  const fallback = fallbackEvent(session, before, after);
  if (fallback !== null && channel !== undefined) events.record(channel, fallback);
}

/** What a user must see at once: an owner that words its report anew with each segment costs no write each time. */
function essence({ progress: _progress, conditions = [], ...rest }: StreamSessionStatus): object {
  return { ...rest, conditions: conditions.map(({ message: _message, ...condition }) => condition) };
}

function soonest(...waits: readonly (number | null)[]): ReconcileResult | undefined {
  const known = waits.filter((seconds): seconds is number => seconds !== null);
  return known.length === 0 ? undefined : { requeueAfterSeconds: Math.min(...known) };
}
