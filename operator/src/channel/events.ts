import type { Mode } from '@sluice/common/link/messages.ts';
import type { EventRecord } from '../runtime/events/recorder.ts';

/** The events on a Channel, as `kubectl describe` shows them; the API reference lists their reasons. */

/** The mode that the operator asks for has changed. */
export function modeChanged(from: Mode, to: Mode, reason: string): EventRecord {
  return { type: 'Normal', reason: 'ModeChanged', action: 'ChangeMode', note: `${from} to ${to}: ${reason}` };
}

/** The owner cannot get the source. */
export function sourceUnreachable(message: string): EventRecord {
  return { type: 'Warning', reason: 'SourceUnreachable', action: 'ReadSource', note: message };
}

/** The source answers again. */
export function sourceRecovered(): EventRecord {
  return { type: 'Normal', reason: 'SourceRecovered', action: 'ReadSource', note: 'the source answers again' };
}

/** A viewer reports that the source is out of its reach. */
export function directSuspended(message: string): EventRecord {
  return { type: 'Warning', reason: 'DirectSuspended', action: 'ChangeMode', note: message };
}

/** A StreamSession was made. */
export function sessionStarted(name: string): EventRecord {
  return { type: 'Normal', reason: 'SessionStarted', action: 'Transcode', note: `StreamSession ${name} created` };
}

/** A StreamSession is no longer needed. */
export function sessionEnded(name: string): EventRecord {
  return { type: 'Normal', reason: 'SessionEnded', action: 'Transcode', note: `StreamSession ${name} deleted` };
}

/** A StreamSession was given up; the channel goes on with the source. */
export function sessionFailed(name: string, message: string, retryAt: string): EventRecord {
  return {
    type: 'Warning',
    reason: 'SessionFailed',
    action: 'Transcode',
    note: `StreamSession ${name} failed: ${message}; the next may start at ${retryAt}`,
  };
}

/** The API server does not allow a StreamSession. */
export function sessionRefused(message: string): EventRecord {
  return { type: 'Warning', reason: 'SessionRefused', action: 'Transcode', note: message };
}
