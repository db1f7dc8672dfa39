import type { OwnerReport } from '@sluice/common/link/messages.ts';
import { API_VERSION, STREAM_SESSION_NAMES, type StreamSession, type StreamSessionStatus } from '@sluice/crds';
import type { SessionTokens } from '../keys/session-token.ts';
import { POD, type Pod, SECRET, STREAM_SESSION } from '../kinds.ts';
import { sameJson } from '../runtime/apply/apply.ts';
import type { ReadonlyStore } from '../runtime/cache/store.ts';
import { hasReason } from '../runtime/client/api-error.ts';
import type { Client } from '../runtime/client/client.ts';
import type { Reconcile, ReconcileResult } from '../runtime/controller/controller.ts';
import { buildPod, type PodSettings } from './build/pod.ts';
import { buildSecret } from './build/secret.ts';
import { planSession, rememberSession, type SessionMemory, type SessionPlan } from './plan.ts';

/** Index of pods by `namespace/name` of their StreamSession. */
export const PODS_BY_SESSION = 'session';
/** Progress may be this old in the status; all else is written at once. */
const PROGRESS_EVERY_SECONDS = 15;
/** Field manager of everything that the session controller applies. */
const FIELD_MANAGER = 'sluice-session';

/** What the session controller works with. */
export interface SessionControllerOptions {
  readonly client: Client;
  readonly sessions: ReadonlyStore<StreamSession>;
  readonly pods: ReadonlyStore<Pod>;
  /** What the owner of the channel with this uid said last. */
  readonly report: (channelUid: string) => OwnerReport | null;
  /** Whether all edges have told what they know of that channel. */
  readonly heard: (channelUid: string) => boolean;
  readonly tokens: SessionTokens;
  readonly pod: PodSettings;
  readonly now: () => number;
}

interface SessionState {
  readonly uid: string;
  memory: SessionMemory;
  hasSecret: boolean;
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
    if (session === undefined || session.metadata.deletionTimestamp !== undefined) return undefined;
    const state = states.get(key) ?? meet(session);
    states.set(key, state);
    const plan = planSession({
      nowMs: options.now(),
      session: state.written === undefined ? session : { ...session, status: state.written },
      pods: options.pods.byIndex(PODS_BY_SESSION, key),
      report: reportOf(session, options),
      heard: options.heard(channelOf(session)),
      memory: state.memory,
    });
    await makePod(session, state, plan, options);
    return soonest(plan.wakeAfterSeconds, await writeStatus(session, state, plan.status, options));
  };
}

function meet(session: StreamSession): SessionState {
  return {
    uid: session.metadata.uid ?? '',
    memory: rememberSession(session),
    hasSecret: false,
    written: session.status,
    writtenMs: 0,
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

/** The Secret first: a pod that mounts it does not start without it. */
async function makePod(
  session: StreamSession,
  state: SessionState,
  plan: SessionPlan,
  options: SessionControllerOptions,
): Promise<void> {
  const { client, tokens, pod } = options;
  const namespace = session.metadata.namespace ?? 'default';
  if (plan.createAttempt !== null) {
    if (!state.hasSecret) await client.apply(SECRET, buildSecret(session, tokens.token(state.uid)), FIELD_MANAGER);
    state.hasSecret = true;
    try {
      await client.create(POD, buildPod(session, plan.createAttempt, pod));
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) throw error;
    }
  }
  state.memory = plan.memory;
  for (const name of plan.deletePods) await client.delete(POD, { namespace, name });
}

async function writeStatus(
  session: StreamSession,
  state: SessionState,
  status: StreamSessionStatus,
  { client, now }: SessionControllerOptions,
): Promise<number | null> {
  if (sameJson(status, state.written)) return null;
  const onlyProgress = sameJson({ ...status, progress: null }, { ...state.written, progress: null });
  const wait = onlyProgress ? PROGRESS_EVERY_SECONDS - (now() - state.writtenMs) / 1000 : 0;
  if (wait > 0) return wait;
  const { name, namespace, uid } = session.metadata;
  const object = {
    apiVersion: API_VERSION,
    kind: STREAM_SESSION_NAMES.kind,
    metadata: { name, namespace, uid },
    status,
  };
  try {
    await client.applyStatus(STREAM_SESSION, object, FIELD_MANAGER);
  } catch (error) {
    if (hasReason(error, 'NotFound') || hasReason(error, 'Conflict')) return null; // deleted or replaced meanwhile
    throw error;
  }
  state.written = status;
  state.writtenMs = now();
  return null;
}

function soonest(...waits: readonly (number | null)[]): ReconcileResult | undefined {
  const known = waits.filter((seconds): seconds is number => seconds !== null);
  return known.length === 0 ? undefined : { requeueAfterSeconds: Math.min(...known) };
}
