import type { Mode } from '@sluice/common/link/messages.ts';

/** An event on a Channel, as `kubectl describe` shows it. */
export interface Notice {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, stable. */
  readonly reason: string;
  /** What the operator did or was about to do: CamelCase verb (events.k8s.io/v1). */
  readonly action: string;
  readonly message: string;
}

/** The mode that the operator asks for has changed. */
export function modeChanged(from: Mode, to: Mode, reason: string): Notice {
  return { type: 'Normal', reason: 'ModeChanged', action: 'ChangeMode', message: `${from} to ${to}: ${reason}` };
}

/** The owner cannot get the source. */
export function sourceUnreachable(message: string): Notice {
  return { type: 'Warning', reason: 'SourceUnreachable', action: 'ReadSource', message };
}

/** The source answers again. */
export function sourceRecovered(): Notice {
  return { type: 'Normal', reason: 'SourceRecovered', action: 'ReadSource', message: 'the source answers again' };
}

/** A viewer reports that the source is out of its reach. */
export function directSuspended(message: string): Notice {
  return { type: 'Warning', reason: 'DirectSuspended', action: 'ChangeMode', message };
}

/** A StreamSession was made. */
export function sessionStarted(name: string): Notice {
  return { type: 'Normal', reason: 'SessionStarted', action: 'Transcode', message: `StreamSession ${name} created` };
}

/** A StreamSession is no longer needed. */
export function sessionEnded(name: string): Notice {
  return { type: 'Normal', reason: 'SessionEnded', action: 'Transcode', message: `StreamSession ${name} deleted` };
}

/** A StreamSession was given up; the channel goes on with the source. */
export function sessionFailed(name: string, message: string, retryAt: string): Notice {
  return {
    type: 'Warning',
    reason: 'SessionFailed',
    action: 'Transcode',
    message: `StreamSession ${name} failed: ${message}; the next may start at ${retryAt}`,
  };
}
