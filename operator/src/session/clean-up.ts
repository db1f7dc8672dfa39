import { API_VERSION, type Channel, type StreamSession } from '@sluice/crds';
import { cleanupFailed, told } from '../events.ts';
import { CHANNEL, POD, STREAM_SESSION } from '../kinds.ts';
import type { Client, KubernetesObject } from '../runtime/client/client.ts';
import { isTypedError, type TypedError } from '../runtime/errors/error.ts';
import type { EventRecorder } from '../runtime/events/recorder.ts';

/** What the API server does not let be removed is mended by people: tried again twice a minute. */
const REFUSED_RETRY_SECONDS = 30;
/** The garbage collector removes what a deleted Channel owned within seconds; a session that is left then it will not. */
const ORPHANED_SECONDS = 60;

/** What cleaning up after a StreamSession needs. */
export interface CleanUpOptions {
  readonly client: Pick<Client, 'get' | 'delete'>;
  /** The Channel that a session names, as the cache has it; undefined: there is none. */
  readonly channelOf: (session: StreamSession) => Channel | undefined;
  readonly events: Pick<EventRecorder, 'record'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Since when a session has had no Channel, in ms since the epoch; null: it has one. */
export interface Orphanhood {
  orphanSinceMs: number | null;
}

/**
 * Deletes pods that were replaced. One that the API server does not let be deleted holds up nothing else.
 * @returns seconds until the next attempt; null: all are deleted
 */
export async function deletePods(
  session: StreamSession,
  names: readonly string[],
  options: CleanUpOptions,
): Promise<number | null> {
  const { client } = options;
  const { namespace = 'default' } = session.metadata;
  let again: number | null = null;
  for (const name of names) {
    const refusal = await refusalOf(() => client.delete(POD, { namespace, name }));
    if (refusal === null) continue;
    tell(session, `pod ${name}`, refusal, options);
    again = REFUSED_RETRY_SECONDS;
  }
  return again;
}

/**
 * Ends a session that works for nobody: its Channel was deleted, and it was not (`--cascade=orphan`, a garbage collector
 * that does not run). Asks the API server first: a Channel that the cache does not have may only be unreadable.
 * @returns seconds until the next look; null: there is nothing to look at again
 */
export async function endOrphan(
  session: StreamSession,
  state: Orphanhood,
  options: CleanUpOptions,
): Promise<number | null> {
  const { client, channelOf, now } = options;
  const { namespace = 'default', name, uid = '' } = session.metadata;
  if (belongsTo(session, channelOf(session))) {
    state.orphanSinceMs = null;
    return null;
  }
  state.orphanSinceMs ??= now();
  const wait = ORPHANED_SECONDS - (now() - state.orphanSinceMs) / 1000;
  if (wait > 0) return wait;
  let channel: Channel | null = null;
  const unread = await refusalOf(async () => {
    channel = await client.get(CHANNEL, { namespace, name: session.spec.channelRef.name });
  });
  if (unread !== null || belongsTo(session, channel ?? undefined)) return ORPHANED_SECONDS;
  const refusal = await refusalOf(() => client.delete(STREAM_SESSION, { namespace, name }, { uid }));
  if (refusal === null) {
    const event = told('SessionEnded', `StreamSession ${name} deleted: its Channel is gone`);
    options.events.record(channelOf(session) ?? goneChannel(session), event);
    return null;
  }
  tell(session, `StreamSession ${name}, whose Channel is gone,`, refusal, options);
  return REFUSED_RETRY_SECONDS;
}

/** Whether that is the Channel which the session was made for, and not another one of its name. */
export function belongsTo({ metadata }: StreamSession, channel: Channel | undefined): boolean {
  return channel !== undefined && metadata.ownerReferences?.some(({ uid }) => uid === channel.metadata.uid) === true;
}

/** What the API server says to a call that it will refuse again; null: it did not. @throws what is worth another try */
async function refusalOf(call: () => Promise<unknown>): Promise<TypedError | null> {
  try {
    await call();
    return null;
  } catch (error) {
    if (!isTypedError(error) || error.retryable) throw error;
    return error;
  }
}

/** On the session and on its Channel: one that is gone still has its name in the log and among the namespace's events. */
function tell(
  session: StreamSession,
  what: string,
  { message }: TypedError,
  { events, channelOf }: CleanUpOptions,
): void {
  const event = cleanupFailed(`${what} cannot be deleted: ${message}`);
  events.record(session, event);
  events.record(channelOf(session) ?? goneChannel(session), event);
}

function goneChannel({ metadata, spec }: StreamSession): KubernetesObject {
  const { name } = spec.channelRef;
  const uid = metadata.ownerReferences?.find((owner) => owner.kind === CHANNEL.kind)?.uid;
  return { apiVersion: API_VERSION, kind: CHANNEL.kind, metadata: { namespace: metadata.namespace, name, uid } };
}
