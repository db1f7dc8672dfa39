import type { ApplyConfiguration, KubernetesObject, ObjectName, ResourceType } from '../client/client.ts';

/** One thing worth telling about an object; products make these by named constructors. */
export interface EventRecord {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, documented, stable. */
  readonly reason: string;
  /** What the controller did, CamelCase verb, e.g. `Start`. */
  readonly action: string;
  /** At most 1024 bytes of UTF-8; longer ones are cut. */
  readonly note: string;
}

/** Who tells. */
export interface Reporter {
  /** Name of the controller, as `kubectl describe` shows it. */
  readonly controller: string;
  /** Name of this process's pod. */
  readonly instance: string;
}

/** Events of events.k8s.io/v1; what the server answers is not looked at. */
export const EVENT_TYPE: ResourceType<KubernetesObject> = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
  parse: (raw) => raw as KubernetesObject,
};

/** Limit of the API in bytes (events.k8s.io/v1, field `note`). */
const NOTE_LIMIT = 1024;
/** Names are 253 characters at most (RFC 1123 subdomain); the time behind it takes 17. */
const NAME_LIMIT = 230;

/**
 * Name of an event as client-go makes it, unique by the time in it: `<object>.<nanoseconds in hex>`.
 * @param sequence 0..999,999, takes the place of the nanoseconds that our clock does not know
 */
export function eventNameOf(regarding: KubernetesObject, nowMilliseconds: number, sequence: number): ObjectName {
  const { name, namespace = 'default' } = regarding.metadata;
  const nanoseconds = BigInt(Math.floor(nowMilliseconds)) * 1_000_000n + BigInt(sequence);
  return { namespace, name: `${name.slice(0, NAME_LIMIT)}.${nanoseconds.toString(16)}` };
}

/** A new event about an object. */
export function eventObject(
  metadata: ObjectName,
  regarding: KubernetesObject,
  event: EventRecord,
  reporter: Reporter,
  nowMilliseconds: number,
): ApplyConfiguration {
  const { apiVersion, kind } = regarding;
  const { name, namespace, uid } = regarding.metadata;
  const object = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata,
    eventTime: microTime(nowMilliseconds),
    type: event.type,
    reason: event.reason,
    action: event.action,
    note: noteOf(event.note),
    reportingController: reporter.controller,
    reportingInstance: reporter.instance,
    regarding: { apiVersion, kind, name, namespace, uid },
  };
  return object;
}

/** The API server counts bytes here, unlike in the fields of custom resources; a character that is cut is left out. */
function noteOf(note: string): string {
  if (Buffer.byteLength(note) <= NOTE_LIMIT) return note;
  const { read } = new TextEncoder().encodeInto(note, new Uint8Array(NOTE_LIMIT));
  return note.slice(0, read);
}

/** What turns an event into a series: how often it has been so far, and when last. @param count 2 or more */
export function seriesObject(metadata: ObjectName, count: number, nowMilliseconds: number): ApplyConfiguration {
  const object = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata,
    series: { count, lastObservedTime: microTime(nowMilliseconds) },
  };
  return object;
}

/** RFC 3339 with six digits of a second, as metav1.MicroTime wants it. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}
