import { STREAM_SESSION_CONDITIONS, type StreamSessionConditionType, type StreamSessionStatus } from '@sluice/crds';
import type { EventRecord } from '../runtime/events/recorder.ts';
import { STREAM_LIMIT_EXCEEDED } from './build/status.ts';
import { limitExceeded, podFailed, podNotStarted, podRefused, sessionAdmitted } from './events.ts';

/** Reasons of Ready=False that are no word of the scheduler or the kubelet; `Late` is told by the Channel. */
const OWN_REASONS = new Set<string | undefined>([STREAM_LIMIT_EXCEEDED, 'PodRefused', 'PodFailed', 'Late']);

/** The events that a change of a session's status is worth: each trouble once, when it begins. */
export function statusEvents(
  session: string,
  before: StreamSessionStatus | undefined,
  after: StreamSessionStatus,
): readonly EventRecord[] {
  return [...admissionEvents(session, before, after), ...podEvents(session, before, after)];
}

function admissionEvents(
  session: string,
  before: StreamSessionStatus | undefined,
  after: StreamSessionStatus,
): readonly EventRecord[] {
  const { admitted } = STREAM_SESSION_CONDITIONS;
  const waited = conditionOf(before, admitted)?.status === 'False';
  const now = conditionOf(after, admitted);
  if (now?.status === 'False') return waited ? [] : [limitExceeded(session, now.message)];
  return waited && now?.status === 'True' ? [sessionAdmitted(session)] : [];
}

function podEvents(
  session: string,
  before: StreamSessionStatus | undefined,
  after: StreamSessionStatus,
): readonly EventRecord[] {
  const { ready } = STREAM_SESSION_CONDITIONS;
  const was = conditionOf(before, ready);
  const now = conditionOf(after, ready);
  const isKnown = was?.status === now?.status && was?.reason === now?.reason && before?.attempt === after.attempt;
  if (now === undefined || now.status !== 'False' || isKnown) return [];
  if (now.reason === 'PodRefused') return [podRefused(session, now.message)];
  if (now.reason === 'PodFailed') return [podFailed(now.message)];
  return OWN_REASONS.has(now.reason) ? [] : [podNotStarted(now.message)];
}

function conditionOf(status: StreamSessionStatus | undefined, wanted: StreamSessionConditionType) {
  return status?.conditions?.find(({ type }) => type === wanted);
}
