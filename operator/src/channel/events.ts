import type { Mode } from '@sluice/common/link/mode.ts';
import { told } from '../events.ts';
import type { EventRecord } from '../runtime/events/recorder.ts';

/** The events on a Channel, as `kubectl describe` shows them. */

/** The mode that the operator asks for has changed. */
export function modeChanged(from: Mode, to: Mode, reason: string): EventRecord {
  return told('ModeChanged', `${from} to ${to}: ${reason}`);
}

/** The owner cannot get the source. @param source its URL without query */
export function sourceUnreachable(source: string, message: string): EventRecord {
  return told('SourceUnreachable', `${source}: ${message}`);
}

/** The source answers again. */
export function sourceRecovered(): EventRecord {
  return told('SourceRecovered', 'the source answers again');
}

/** A viewer reports that the source is out of its reach. */
export function directSuspended(message: string): EventRecord {
  return told('DirectSuspended', `a viewer cannot reach the source: ${message}`);
}

/** A StreamSession was made. */
export function sessionStarted(name: string): EventRecord {
  return told('SessionStarted', `StreamSession ${name} created`);
}

/** A StreamSession is no longer needed. */
export function sessionEnded(name: string): EventRecord {
  return told('SessionEnded', `StreamSession ${name} deleted`);
}

/** A StreamSession was given up; the channel goes on with the source. */
export function sessionFailed(name: string, message: string, retryAt: string): EventRecord {
  return told('SessionFailed', `StreamSession ${name} failed: ${message}; the next may start at ${retryAt}`);
}

/** The API server does not allow a StreamSession. */
export function sessionRefused(message: string): EventRecord {
  return told('SessionRefused', message);
}

/** The owner lists the segments of a StreamSession. */
export function transcodeLive(session: string, attempt: number, encoder: string): EventRecord {
  const by = encoder === '' ? '' : `, encoded by ${encoder}`;
  return told(
    'TranscodeLive',
    `viewers get the ladder of StreamSession ${session} from pod ${session}-${attempt}${by}`,
  );
}

/** The owner went on with the source. */
export function transcodeLate(session: string, message: string): EventRecord {
  return told('TranscodeLate', `StreamSession ${session}: ${message}`);
}
