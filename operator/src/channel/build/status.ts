import type { Mode } from '@sluice/common/link/mode.ts';
import type { OwnerReport, SourceHealth } from '@sluice/common/link/owner-report.ts';
import type { SourceFacts } from '@sluice/common/link/source-facts.ts';
import type { Channel, ChannelStatus, Condition } from '@sluice/crds';
import type { AudienceCount } from '../../audience/count.ts';
import type { ChannelMemory } from '../memory.ts';
import { limited } from './text.ts';

/** What a Channel's status is made of. */
export interface StatusInput {
  readonly channel: Channel;
  /** Mode of what viewers get now, as the owner says. */
  readonly activeMode: Mode;
  readonly audience: AudienceCount;
  /** What will be remembered of the channel; holds the decision. */
  readonly memory: ChannelMemory;
  readonly report: OwnerReport | null;
  readonly facts: SourceFacts | null;
  readonly health: SourceHealth | null;
  /** Name of the StreamSession that runs; empty: none. */
  readonly session: string;
  readonly conditions: Condition[];
  /** Base of the viewer URL without a slash at its end; empty: the status names only the path. */
  readonly publicUrl: string;
}

const COUNT_STATES = { known: 'Known', stale: 'Stale', unknown: 'Unknown' } as const;
const HEALTH_STATES = { healthy: 'Healthy', degraded: 'Degraded', down: 'Down', unknown: 'Unknown' } as const;

/** The whole status: what is left out here is removed from the object. */
export function buildStatus(input: StatusInput): ChannelStatus {
  const { channel, audience, memory, report, facts, session } = input;
  const { decision } = memory;
  const epoch = report?.epoch || channel.status?.epoch;
  const lastMsn = report !== null && report.epoch > 0 ? report.lastMsn : channel.status?.lastMsn;
  return {
    observedGeneration: channel.metadata.generation ?? 0,
    mode: input.activeMode,
    desiredMode: decision.mode,
    viewers: {
      count: audience.state === 'unknown' ? Math.max(memory.knownViewers, audience.viewers) : audience.viewers,
      peak: audience.peak,
      state: COUNT_STATES[audience.state],
    },
    url: `${input.publicUrl}${viewerPath(channel)}`,
    ...sourceOf(facts, input.health),
    ...optional('epoch', epoch),
    ...ownerOf(input),
    ...optional('lastMsn', lastMsn),
    ...(memory.serial === 0
      ? {}
      : { session: { ...(session === '' ? {} : { name: session }), serial: memory.serial } }),
    ...(memory.ladder === null ? {} : { ladder: memory.ladder.map((rung) => ({ ...rung })) }),
    ...(decision.pending === null
      ? {}
      : { pendingTransition: { target: decision.pending.target, since: rfc3339(decision.pending.sinceMs) } }),
    lastTransitionTime: rfc3339(decision.sinceMs),
    ...optional('lastDelayedTransitionTime', timeOrNothing(memory.lastDelayedMs)),
    ...optional('directSuspendedUntil', timeOrNothing(memory.directSuspendedUntilMs)),
    ...optional('transcodeSuspendedUntil', timeOrNothing(memory.transcodeSuspendedUntilMs)),
    ...(memory.transcodeFailures === 0 ? {} : { transcodeFailures: memory.transcodeFailures }),
    decisions: [...memory.decisions],
    conditions: input.conditions,
  };
}

/** Nobody is hurt when the owner of an idle channel moves; without it ten thousand of them cost no write when edges change. */
function ownerOf({ activeMode, memory }: StatusInput): Pick<ChannelStatus, 'owner'> {
  if (activeMode === 'Idle' && memory.decision.mode === 'Idle') return {};
  return optional('owner', memory.ownership?.owners[0]?.podName);
}

/** Path of the viewer URL. */
export function viewerPath(channel: Channel): string {
  return `/live/${channel.metadata.namespace ?? 'default'}/${channel.metadata.name}/index.m3u8`;
}

function sourceOf(facts: SourceFacts | null, health: SourceHealth | null): Pick<ChannelStatus, 'source'> {
  if (facts === null && health === null) return {};
  return {
    source: {
      ...(facts === null ? {} : { facts: factsStatus(facts) }),
      ...(health === null ? {} : { health: healthStatus(health) }),
    },
  };
}

function healthStatus({ state, reason, message }: SourceHealth): NonNullable<ChannelStatus['source']>['health'] {
  return { state: HEALTH_STATES[state], reason: limited(reason, 128), message: limited(message) };
}

function factsStatus(facts: SourceFacts): SourceFacts {
  return { ...facts, videoCodec: limited(facts.videoCodec, 64), audioCodec: limited(facts.audioCodec, 64) };
}

function optional<Name extends string, Value>(name: Name, value: Value | undefined): { [key in Name]?: Value } {
  return (value === undefined ? {} : { [name]: value }) as { [key in Name]?: Value };
}

function timeOrNothing(ms: number | null): string | undefined {
  return ms === null ? undefined : rfc3339(ms);
}

function rfc3339(ms: number): string {
  return new Date(ms).toISOString();
}
