import type { Incident } from '@sluice/common/work/incident.ts';
import { told } from '../events.ts';
import type { EventRecord } from '../runtime/events/recorder.ts';

/** The events of a StreamSession; most are told on its Channel too. */

/** More StreamSessions want to run than the limits allow. */
export function limitExceeded(session: string, why: string): EventRecord {
  return told('LimitExceeded', `StreamSession ${session} waits: ${why}`);
}

/** A StreamSession that waited has got its place. */
export function sessionAdmitted(session: string): EventRecord {
  return told('SessionAdmitted', `StreamSession ${session} may run now`);
}

/** The API server does not take a pod. */
export function podRefused(session: string, message: string): EventRecord {
  return told('PodRefused', `StreamSession ${session}: ${message}`);
}

/** The scheduler or the kubelet cannot start a pod; the message names it. */
export function podNotStarted(message: string): EventRecord {
  return told('PodNotStarted', message);
}

/** A pod has failed; the message names it. */
export function podFailed(message: string): EventRecord {
  return told('PodFailed', message);
}

/** Something happened in a pod, by its own word. */
export function incidentIn(pod: string, { reason, message }: Pick<Incident, 'reason' | 'message'>): EventRecord {
  return told(reason, `pod ${pod}: ${message}`);
}

/** A session that asks for a GPU encodes on the CPU. */
export function encoderFallback(name: string, message: string): EventRecord {
  return told('EncoderFallback', `StreamSession ${name}: ${message}`);
}
