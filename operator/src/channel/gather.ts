import type { Channel, ChannelStatus, StreamSession } from '@sluice/crds';
import type { AudienceBook } from '../audience/book.ts';
import type { Pod } from '../kinds.ts';
import type { EdgeEndpoint } from '../link/endpoints.ts';
import type { OwnerReports } from '../link/reports.ts';
import type { ReadonlyStore } from '../runtime/cache/store.ts';
import { keyOf } from '../runtime/client/client.ts';
import { PODS_BY_SESSION } from '../session/controller.ts';
import { aliveSinceMs } from './decision.ts';
import type { HeaderSecrets } from './headers.ts';
import type { Observed, SourceHeaders } from './observed.ts';
import { serialOf } from './session-plan.ts';
import type { ChannelState } from './state.ts';

/** Index of StreamSessions by `namespace/name` of the Channel that they work for. */
export const SESSIONS_BY_CHANNEL = 'channel';

/** Where a reconciliation reads. */
export interface ChannelSources {
  readonly channels: ReadonlyStore<Channel>;
  readonly sessions: ReadonlyStore<StreamSession>;
  /** Pods of StreamSessions, with the index {@link PODS_BY_SESSION}. */
  readonly pods: ReadonlyStore<Pod>;
  readonly headers: HeaderSecrets;
  readonly book: AudienceBook;
  readonly reports: OwnerReports;
  readonly edges: () => readonly EdgeEndpoint[];
  /** Of this leader. */
  readonly term: () => number;
}

/** Reads everything about a channel at one moment; nothing here waits. */
export function gather(channel: Channel, state: ChannelState, sources: ChannelSources, nowMs: number): Observed {
  const uid = state.uid;
  const { delivery, viewers } = channel.spec;
  const { pending } = state.memory.decision;
  const audience = sources.book.count(uid);
  const since = pending === null ? nowMs : aliveSinceMs(pending, delivery.hysteresisSeconds);
  return {
    nowMs,
    channel: state.wanted === undefined ? channel : withStatus(channel, state.wanted),
    headers: headersFor(channel, sources.headers),
    audience,
    alive: pending?.target === 'Transcode' ? sources.book.aliveSince(uid, since, viewers.trustHeartbeats) : 0,
    report: sources.reports.of(uid),
    claim: sources.reports.claimOf(uid),
    edges: sources.edges(),
    term: sources.term(),
    sessions: sessionsOf(channel, state, sources.sessions),
    leaving: leavingOf(state, sources.pods),
    refusal: state.refusal?.message ?? null,
    madeMs: state.madeMs,
    memory: state.memory,
  };
}

/** The cached status is not even looked at: it is the echo of ours, and reading it would cost as much as the plan. */
function withStatus({ apiVersion, kind, metadata, spec }: Channel, status: ChannelStatus): Channel {
  return { apiVersion, kind, metadata, spec, status };
}

function headersFor(channel: Channel, secrets: HeaderSecrets): SourceHeaders {
  const from = channel.spec.source.headersFrom;
  if (from === undefined) return { state: 'found', headers: {} };
  return secrets.read({ namespace: channel.metadata.namespace ?? 'default', name: from.secretRef.name });
}

/**
 * The channel's sessions as they will be once the cache has caught up: with those that were made a moment ago,
 * without those that are being deleted.
 */
function sessionsOf(
  channel: Channel,
  state: ChannelState,
  store: ReadonlyStore<StreamSession>,
): readonly StreamSession[] {
  const cached = store
    .byIndex(SESSIONS_BY_CHANNEL, keyOf(channel.metadata))
    .filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uid === state.uid));
  const names = new Set(cached.map(({ metadata }) => metadata.name));
  const made = [...state.made.values()].filter(({ metadata }) => !names.has(metadata.name));
  return [...cached, ...made]
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined && !state.removed.has(metadata.uid ?? ''))
    .sort((one, other) => serialOf(other) - serialOf(one));
}

function leavingOf(state: ChannelState, pods: ReadonlyStore<Pod>): StreamSession | null {
  const removed = [...state.removed.values()].map(({ session }) => session);
  return removed.findLast(({ metadata }) => hasPods(metadata, pods)) ?? null;
}

/** The pods of a session. */
export function podsOf(session: StreamSession['metadata'], pods: ReadonlyStore<Pod>): readonly Pod[] {
  return pods.byIndex(PODS_BY_SESSION, keyOf(session));
}

/** Whether any pod of a session is left. */
export function hasPods(session: StreamSession['metadata'], pods: ReadonlyStore<Pod>): boolean {
  return podsOf(session, pods).length > 0;
}
