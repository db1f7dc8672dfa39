import type { EventRecord } from '../runtime/events/recorder.ts';

/** More StreamSessions want to run than the limits allow; told on the Channel and on the StreamSession that waits. */
export function limitExceeded(session: string, why: string): EventRecord {
  return { type: 'Warning', reason: 'LimitExceeded', action: 'Admit', note: `StreamSession ${session} waits: ${why}` };
}

/** A StreamSession that waited has got its place. */
export function sessionAdmitted(session: string): EventRecord {
  return { type: 'Normal', reason: 'SessionAdmitted', action: 'Admit', note: `StreamSession ${session} may run now` };
}

/** A session that asks for a GPU encodes on the CPU. */
export function encoderFallback(name: string, message: string): EventRecord {
  return {
    type: 'Warning',
    reason: 'EncoderFallback',
    action: 'Transcode',
    note: `StreamSession ${name}: ${message}`,
  };
}
