import {
  LADDER_MAX_RUNGS,
  STREAM_SESSION_CONDITIONS,
  type StreamSessionPhase,
  type StreamSessionStatus,
} from '@sluice/crds';
import { type Finding, withTimes } from '../../channel/build/conditions.ts';
import { limited } from '../../channel/build/text.ts';
import { countable } from '../../link/bounded-report.ts';
import { refusalText } from '../admission/admit.ts';
import type { ObservedSession } from '../plan.ts';
import { type NewestPod, unscheduled } from '../pod-state.ts';
import { accelerated, acceleratorOf } from './acceleration.ts';
import { podName } from './pod.ts';
import { onNode, waitingFor } from './waiting.ts';

/** Reason in conditions of a session that waits for another one to end, and of its Channel. */
export const STREAM_LIMIT_EXCEEDED = 'StreamLimitExceeded';

/** What a session's status is made of. */
export interface SessionStatusInput extends ObservedSession {
  readonly newest: NewestPod;
  /** Too many pods failed in too short a time. */
  readonly givenUp: boolean;
}

/** The whole status of a session: what is left out here is removed from the object. */
export function buildSessionStatus(input: SessionStatusInput): StreamSessionStatus {
  const { session, memory, report, nowMs } = input;
  if (isSilentAfterStart(input) && session.status !== undefined) return session.status;
  const generation = session.metadata.generation ?? 0;
  const findings = [admitted(input), podScheduled(input), ready(input), ...accelerated(input), succeeded(input)];
  return {
    observedGeneration: generation,
    phase: phaseOf(input),
    ...(memory.attempt === 0
      ? {}
      : {
          podName: podName(session.metadata.name, memory.attempt),
          attempt: memory.attempt,
          accelerator: acceleratorOf(session, memory),
        }),
    ...(report === null || report.encoder === '' ? {} : { encoder: limited(report.encoder, 64) }),
    ...progressOf(input),
    ...(report === null || report.droppedRungs.length === 0
      ? {}
      : { droppedRungs: report.droppedRungs.slice(0, LADDER_MAX_RUNGS).map((name) => limited(name, 32)) }),
    restarts: Math.max(0, memory.attempt - 1),
    conditions: withTimes(findings, session.status?.conditions ?? [], generation, nowMs),
  };
}

/** An operator that has just started must not take the silence of edges that it has not reached for news. */
function isSilentAfterStart({ heard, newest, session }: SessionStatusInput): boolean {
  return !heard && newest.kind === 'running' && session.status?.phase === 'Running';
}

function phaseOf({ newest, givenUp, report }: SessionStatusInput): StreamSessionPhase {
  if (givenUp) return 'Failed';
  if (newest.kind === 'succeeded') return 'Completed';
  if (newest.kind === 'leaving' && report?.state === 'Live') return 'Running';
  if (newest.kind !== 'running') return 'Pending';
  return report?.state === 'Live' ? 'Running' : 'Starting';
}

function progressOf({ report }: SessionStatusInput): Pick<StreamSessionStatus, 'progress'> {
  if (report === null || (report.speed === null && report.outTimeSeconds === null)) return {};
  return {
    progress: {
      ...(report.speed === null ? {} : { speedMilli: countable(Math.round(report.speed * 1000)) }),
      ...(report.outTimeSeconds === null ? {} : { outTimeSeconds: countable(report.outTimeSeconds) }),
    },
  };
}

function admitted({ admission }: SessionStatusInput): Finding {
  const type = STREAM_SESSION_CONDITIONS.admitted;
  return admission.admitted
    ? { type, status: 'True', reason: 'WithinLimits', message: 'within the limits of its owner and of the cluster' }
    : { type, status: 'False', reason: STREAM_LIMIT_EXCEEDED, message: refusalText(admission) };
}

function podScheduled({ newest, memory, session, pods }: SessionStatusInput): Finding {
  const type = STREAM_SESSION_CONDITIONS.podScheduled;
  const pod = podName(session.metadata.name, memory.attempt);
  const refusal = unscheduled(newest);
  if (refusal !== null) {
    return { type, status: 'False', reason: refusal.reason, message: `pod ${pod}: ${refusal.message}` };
  }
  if (newest.kind === 'running' || newest.kind === 'leaving' || newest.kind === 'stuck') {
    return { type, status: 'True', reason: 'Scheduled', message: onNode(pods, pod) };
  }
  return { type, status: 'Unknown', reason: 'NotScheduled', message: 'the pod has no node yet' };
}

function ready(input: SessionStatusInput): Finding {
  const { newest, memory, session, report, refusal, admission } = input;
  const type = STREAM_SESSION_CONDITIONS.ready;
  if (!admission.admitted) {
    return { type, status: 'False', reason: STREAM_LIMIT_EXCEEDED, message: refusalText(admission) };
  }
  if (refusal !== null) {
    return { type, status: 'False', reason: 'PodRefused', message: `the API server allows no pod: ${refusal.message}` };
  }
  const pod = podName(session.metadata.name, memory.attempt);
  if (newest.kind === 'failed') {
    return { type, status: 'False', reason: 'PodFailed', message: `pod ${pod}: ${newest.message}` };
  }
  if (newest.kind === 'stuck') {
    return {
      type,
      status: 'False',
      reason: word(newest.reason),
      message: `pod ${pod}: ${newest.message || newest.reason}`,
    };
  }
  if (report?.state === 'Live') return { type, status: 'True', reason: 'Live', message: 'viewers get the segments' };
  if (report?.state === 'Late') {
    return { type, status: 'False', reason: 'Late', message: report.message || 'the encoder does not keep pace' };
  }
  return { type, status: 'Unknown', ...waitingFor(input) };
}

function succeeded({ newest, givenUp, memory }: SessionStatusInput): Finding {
  const type = STREAM_SESSION_CONDITIONS.succeeded;
  if (givenUp) {
    const why = newest.kind === 'failed' ? newest.message : 'no reason given';
    const message = `${memory.failuresMs.length} pods failed within ten minutes, the last: ${why}`;
    return { type, status: 'False', reason: 'PodsFailed', message };
  }
  if (newest.kind === 'succeeded') return { type, status: 'True', reason: 'Completed', message: 'ended as asked' };
  return { type, status: 'Unknown', reason: 'Working', message: 'the session works' };
}

function word(reason: string): string {
  return /^[A-Z][A-Za-z0-9]{0,127}$/.test(reason) ? reason : 'PodNotStarted';
}
