import { told } from '../events.ts';
import type { EventRecord } from '../runtime/events/recorder.ts';
import type { ScaleDecision } from './decide.ts';

/** The number of edge pods has changed. */
export function edgesScaled(before: number, { replicas, reason, message }: ScaleDecision): EventRecord {
  return told('EdgesScaled', `from ${before} to ${replicas} edge pods (${reason}): ${message}`);
}

/** More load than the highest number of edge pods is to carry. */
export function edgesAtMaximum({ message }: ScaleDecision): EventRecord {
  return told('EdgesAtMaximum', message);
}

/** The number of edge pods cannot be read or changed. @param what in the API server's words */
export function edgeScaleFailed(what: string): EventRecord {
  return told('EdgeScaleFailed', what);
}
