import type { SourceHealth } from '@sluice/common/link/owner-report.ts';
import { redactUri } from '@sluice/common/log/log.ts';
import { CHANNEL_CONDITIONS, type Channel, type ChannelStatus } from '@sluice/crds';
import type { EventRecord } from '../runtime/events/recorder.ts';
import {
  modeChanged,
  sessionEnded,
  sessionFailed,
  sessionStarted,
  sourceRecovered,
  sourceUnreachable,
  transcodeLate,
  transcodeLive,
} from './events.ts';
import type { Findings } from './findings.ts';
import type { Observed } from './observed.ts';
import type { SessionPlan } from './session-plan.ts';

/**
 * What a plan tells of a channel.
 * @param created name of the StreamSession that is made; empty: none
 * @param status as it will be
 */
export function eventsOf(
  observed: Observed,
  findings: Findings,
  session: SessionPlan,
  created: string,
  status: ChannelStatus,
): readonly EventRecord[] {
  const { decision, failure, health } = findings;
  const before = observed.memory.decision.mode;
  const ended = session.remove.filter(({ status }) => status?.phase !== 'Failed');
  return [
    ...(decision.mode === before ? [] : [modeChanged(before, decision.mode, decision.reason.message)]),
    ...(created === '' ? [] : [sessionStarted(created)]),
    ...(failure === null
      ? []
      : [sessionFailed(failure.name, failure.message, new Date(failure.retryAtMs).toISOString())]),
    ...ended.map(({ metadata }) => sessionEnded(metadata.name)),
    ...sourceEvents(observed.channel, health),
    ...transcodeEvents(observed, status),
  ];
}

function sourceEvents(channel: Channel, health: SourceHealth | null): readonly EventRecord[] {
  const was = channel.status?.source?.health?.state;
  if (health?.state === 'down' && was !== 'Down') {
    return [sourceUnreachable(redactUri(channel.spec.source.uri), health.message)];
  }
  return health?.state === 'healthy' && was === 'Down' ? [sourceRecovered()] : [];
}

/** What became of the wish for a transcode: told when the condition turns. */
function transcodeEvents({ channel, report }: Observed, status: ChannelStatus): readonly EventRecord[] {
  const reasonIn = ({ conditions = [] }: ChannelStatus): string | undefined =>
    conditions.find(({ type }) => type === CHANNEL_CONDITIONS.transcodeHealthy)?.reason;
  const now = reasonIn(status);
  const session = report?.session ?? null;
  if (session === null || now === reasonIn(channel.status ?? {})) return [];
  if (now === 'Live') return [transcodeLive(session.name, session.attempt, session.encoder)];
  return now === 'Late' ? [transcodeLate(session.name, session.message || 'the encoder does not keep pace')] : [];
}
