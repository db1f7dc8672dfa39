import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { ChannelStatus, StreamSession } from '@sluice/crds';
import { CHANNEL, STREAM_SESSION } from '../kinds.ts';
import type { OperatorMetrics } from '../metrics.ts';
import { beginStatus } from '../runtime/apply/status-transaction.ts';
import { ApiError, hasReason } from '../runtime/client/api-error.ts';
import type { Client } from '../runtime/client/client.ts';
import type { Reconcile } from '../runtime/controller/controller.ts';
import type { ChannelState, ChannelStates } from './state.ts';
import { claimOf, urgencyOf, waitSeconds } from './status-gate.ts';
import type { WriteTurns } from './write-turns.ts';

/** Field manager of everything that the channel controller applies. */
const FIELD_MANAGER = 'sluice-channel';

/** A quota or policy is mended by people: looked at again twice a minute. */
const REFUSED_RETRY_SECONDS = 30;

/** A session that was made and is not in the cache after this is asked for by name. */
export const UNSEEN_SECONDS = 60;

/** What the writer works with. */
export interface ChannelWriterOptions {
  readonly client: Client;
  readonly states: ChannelStates;
  readonly turns: WriteTurns;
  /** What the owner of the channel with this uid said last; null: none has spoken. */
  readonly report: (uid: string) => OwnerReport | null;
  readonly metrics: OperatorMetrics;
  /** Asks for a new plan: a session has got its uid, or could not be made. */
  readonly replan: (key: string) => void;
  /** The API server does not allow a session. */
  readonly onRefused: (key: string, error: ApiError) => void;
  /** The API server does not let the session of that name be deleted. */
  readonly onUndeletable: (key: string, name: string, error: ApiError) => void;
  readonly now: () => number;
}

/** Brings to the API server what the plans of a channel ask for: sessions first, then the status. */
export function createChannelWriter(options: ChannelWriterOptions): Reconcile {
  return async (key) => {
    const state = options.states.get(key);
    if (state === undefined) {
      options.turns.forget(key);
      return undefined;
    }
    // A call that fails gives up the turn, too: a first status that waits for a repetition holds up no other.
    const waits = await writeAll(key, state, options).finally(() => options.turns.done(key));
    return waits.length === 0 ? undefined : { requeueAfterSeconds: Math.min(...waits) };
  };
}

/** @returns seconds until what could not be written may be written */
async function writeAll(key: string, state: ChannelState, options: ChannelWriterOptions): Promise<readonly number[]> {
  if (state.made.size > 0) await confirmSessions(key, state, options);
  const again = state.made.size === 0 ? null : await createSessions(key, state, options);
  const left = state.removed.size === 0 ? null : await deleteSessions(key, state, options);
  const wait = await writeStatus(key, state, options);
  return [again, left, wait].filter((seconds) => seconds !== null);
}

/**
 * POST, never apply: the name is the guard against a second session. @returns seconds until the next attempt where the
 * API server does not allow a session (a quota, a policy), null otherwise
 */
async function createSessions(key: string, state: ChannelState, options: ChannelWriterOptions): Promise<number | null> {
  const { client, replan, onRefused, now } = options;
  for (const session of [...state.made.values()]) {
    if (session.metadata.uid !== undefined) continue;
    // Plans come with every segment; what people have to mend is not asked for that often.
    const wait = state.refusal === null ? 0 : REFUSED_RETRY_SECONDS - (now() - state.refusal.atMs) / 1000;
    if (wait > 0) return wait;
    const { name } = session.metadata;
    try {
      state.made.set(name, await client.create(STREAM_SESSION, session));
      state.madeMs = now();
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) {
        if (!(error instanceof ApiError) || error.retryable) throw error;
        state.refusal = { atMs: now(), message: error.message };
        onRefused(key, error);
        replan(key);
        return REFUSED_RETRY_SECONDS;
      }
      const other = await client.get(STREAM_SESSION, { namespace: state.namespace, name });
      if (other !== null && isOwnedBy(other, state.uid)) {
        state.made.set(name, other);
        state.madeMs = now();
      } else state.made.delete(name); // somebody else's: the next plan takes the next number
    }
    state.refusal = null;
    replan(key);
  }
  return null;
}

/**
 * A session that does not come into the cache was deleted before it came there, or the watch is silent: taking one for
 * the other would make a second session beside the first.
 */
async function confirmSessions(key: string, state: ChannelState, options: ChannelWriterOptions): Promise<void> {
  const { client, replan, now } = options;
  for (const [name, { metadata }] of [...state.made]) {
    if (metadata.uid === undefined || now() - state.madeMs < UNSEEN_SECONDS * 1000) continue;
    const there = await client.get(STREAM_SESSION, { namespace: state.namespace, name });
    if (there?.metadata.uid === metadata.uid) state.madeMs = now();
    else state.made.delete(name);
    replan(key);
  }
}

/** @returns seconds until the next attempt where the API server does not allow it, null otherwise */
async function deleteSessions(
  key: string,
  state: ChannelState,
  { client, replan, onUndeletable, now }: ChannelWriterOptions,
): Promise<number | null> {
  for (const [uid, removal] of state.removed) {
    if (removal.deletedAtMs !== null) continue;
    const { name } = removal.session.metadata;
    try {
      await client.delete(STREAM_SESSION, { namespace: state.namespace, name }, { uid });
    } catch (error) {
      if (!(error instanceof ApiError) || error.retryable) throw error;
      onUndeletable(key, name, error);
      return REFUSED_RETRY_SECONDS;
    }
    removal.deletedAtMs = now();
    replan(key);
  }
  return null;
}

/** @returns seconds until the status may be written; null: it is up to date */
async function writeStatus(key: string, state: ChannelState, options: ChannelWriterOptions): Promise<number | null> {
  const { client, states, turns, metrics, now } = options;
  if (state.wanted === undefined) return null;
  const status = withPosition(state.wanted, options.report(state.uid));
  state.wanted = status;
  const urgency = urgencyOf(status, state.written);
  const wait = waitSeconds(urgency, state.writtenMs, now());
  if (wait === null) return null;
  if (wait > 0) return wait;
  if (!turns.take(key, claimOf(status, state.written, urgency))) return null; // comes again when it is its turn
  const { namespace, name, uid, written } = state;
  const transaction = beginStatus({
    type: CHANNEL,
    object: { metadata: { namespace, name, uid }, status: written },
    fieldManager: FIELD_MANAGER,
    nowMilliseconds: now(),
    onWritten: ({ metadata }) => {
      state.writtenVersion = metadata.resourceVersion ?? '';
    },
  });
  transaction.set(status);
  state.isWriting = true;
  try {
    await transaction.commit(client);
  } catch (error) {
    // Deleted meanwhile, or replaced by another of its name (the uid is a precondition) of which the cache knows. Any
    // other conflict is a lost race, and is tried again.
    if (hasReason(error, 'NotFound')) return null;
    if (hasReason(error, 'Conflict') && states.get(key) !== state) return null;
    throw error;
  } finally {
    state.isWriting = false;
  }
  metrics.statusWrites.inc();
  state.written = status;
  state.writtenMs = now();
  return null;
}

/** Where the channel is now: it moves on without any plan. */
function withPosition(status: ChannelStatus, report: OwnerReport | null): ChannelStatus {
  const isKnown = report !== null && report.epoch > 0 && report.epoch === status.epoch;
  return isKnown && report.lastMsn !== status.lastMsn ? { ...status, lastMsn: report.lastMsn } : status;
}

function isOwnedBy(session: StreamSession, uid: string): boolean {
  return session.metadata.ownerReferences?.some((owner) => owner.uid === uid) ?? false;
}
