import { type Condition, STREAM_SESSION_CONDITIONS, type StreamSession, type StreamSessionStatus } from '@sluice/crds';
import type { Finding } from '../../channel/build/conditions.ts';
import type { EventRecord } from '../../runtime/events/recorder.ts';
import { encoderFallback } from '../events.ts';
import type { ObservedSession, SessionMemory } from '../plan.ts';
import { type NewestPod, unscheduled } from '../pod-state.ts';
import { isHardwareEncoder } from './gpu.ts';
import { podName } from './pod.ts';

const TYPE = STREAM_SESSION_CONDITIONS.accelerated;

/** What the newest pod was made for: the extended resource that it asks for, or `cpu`. */
export function acceleratorOf({ spec }: StreamSession, { gpuRefusal }: SessionMemory): string {
  return spec.gpu === undefined || gpuRefusal !== null ? 'cpu' : spec.gpu.resourceName;
}

/** The condition Accelerated; none where no GPU is asked for. */
export function accelerated(input: ObservedSession & { readonly newest: NewestPod }): readonly Finding[] {
  const { session, memory, report, newest } = input;
  const { gpu } = session.spec;
  if (gpu === undefined || memory.attempt === 0) return [];
  const pod = podName(session.metadata.name, memory.attempt);
  if (memory.gpuRefusal !== null) {
    const message = `${memory.gpuRefusal}; pod ${pod} encodes on the CPU, and the next pod asks for ${gpu.resourceName} again`;
    return [{ type: TYPE, status: 'False', reason: 'GpuUnavailable', message }];
  }
  const wait = unscheduled(newest);
  if (wait !== null) {
    return [{ type: TYPE, status: 'Unknown', reason: 'WaitingForGpu', message: `pod ${pod}: ${wait.message}` }];
  }
  if (report !== null && report.attempt === memory.attempt && report.encoder !== '') {
    return [encoderFinding(report.encoder, report.fallback, gpu.resourceName, pod)];
  }
  return [lastFinding(input) ?? starting(pod)];
}

function encoderFinding(encoder: string, fallback: string, resourceName: string, pod: string): Finding {
  if (isHardwareEncoder(encoder)) {
    return { type: TYPE, status: 'True', reason: 'GpuEncodes', message: `pod ${pod} encodes with ${encoder}` };
  }
  const why = fallback === '' ? 'spec.encoderPreference wants it so' : fallback;
  const message = `pod ${pod} has ${resourceName} and encodes with ${encoder} on the CPU: ${why}`;
  return { type: TYPE, status: 'False', reason: 'EncoderFallback', message };
}

/** Owners change and are silent meanwhile; what a pod encodes with stays what it was. */
function lastFinding({ session, memory }: ObservedSession): Condition | null {
  if (session.status?.attempt !== memory.attempt) return null;
  return session.status.conditions?.find(({ type, status }) => type === TYPE && status !== 'Unknown') ?? null;
}

function starting(pod: string): Finding {
  return { type: TYPE, status: 'Unknown', reason: 'Starting', message: `pod ${pod} has not chosen its encoder yet` };
}

/** The event on the Channel when its session begins to encode without the GPU that was asked for; null: it does not. */
export function fallbackEvent(
  session: StreamSession,
  before: StreamSessionStatus | undefined,
  after: StreamSessionStatus,
): EventRecord | null {
  const now = withoutGpu(after);
  if (now === null || (withoutGpu(before)?.reason === now.reason && before?.attempt === after.attempt)) return null;
  return encoderFallback(session.metadata.name, now.message);
}

function withoutGpu(status: StreamSessionStatus | undefined): Condition | null {
  return status?.conditions?.find((condition) => condition.type === TYPE && condition.status === 'False') ?? null;
}
