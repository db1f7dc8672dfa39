import type { Logger } from '@sluice/common/log/log.ts';
import { keyOf } from './runtime/client/client.ts';
import type { EventRecorder } from './runtime/events/recorder.ts';

/**
 * A recorder that writes each event to the log too, where it stays longer than the API server's hour: a line with
 * `channel` and `event`. What is told on a StreamSession stands there, and is counted, for its Channel already; what is told
 * of the edges' Deployment its controller logs itself.
 * @param count told of the reason of each event on a Channel or on the edges' Deployment
 */
export function withLog(
  recorder: EventRecorder,
  log: Pick<Logger, 'info' | 'warn' | 'debug'>,
  count: (reason: string) => void,
): EventRecorder {
  return {
    record(regarding, event) {
      const key = keyOf(regarding.metadata);
      if (regarding.kind === 'StreamSession') log.debug({ session: key, event: event.reason }, event.note);
      else if (regarding.kind === 'Deployment') log.debug({ deployment: key, event: event.reason }, event.note);
      else if (event.type === 'Warning') log.warn({ channel: key, event: event.reason }, event.note);
      else log.info({ channel: key, event: event.reason }, event.note);
      if (regarding.kind !== 'StreamSession') count(event.reason);
      recorder.record(regarding, event);
    },
    flush: () => recorder.flush(),
    get dropped() {
      return recorder.dropped;
    },
  };
}
