import { createHash } from 'node:crypto';
import type { Client, KubernetesObject, ResourceType } from '../client/client.ts';

/** One thing worth telling about an object; products make these by named constructors. */
export interface EventRecord {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, documented, stable. */
  readonly reason: string;
  /** What the controller did, CamelCase verb, e.g. `ChangeMode`. */
  readonly action: string;
  /** At most 1024 characters; longer ones are cut. */
  readonly note: string;
}

/** Writes events without ever holding up or failing its caller. */
export interface EventRecorder {
  record(regarding: KubernetesObject, event: EventRecord): void;
  /** Resolves when everything recorded so far is written or given up. */
  flush(): Promise<void>;
}

/** What a recorder is made of. */
export interface RecorderOptions {
  readonly client: Client;
  /** Name of the controller, as `kubectl describe` shows it. */
  readonly controller: string;
  /** Name of this process's pod. */
  readonly instance: string;
  readonly now?: () => number;
  readonly onTrouble?: (message: string, error: unknown) => void;
}

/** The same event about the same object is told once in this time: describe stays readable. */
const DEDUPE_MILLISECONDS = 120_000;
/** Waiting events; more means that the API server is away, and old news can go. */
const QUEUE_LIMIT = 1000;
/** Keys remembered for de-duplication; an hour of a busy operator. */
const SEEN_LIMIT = 10_000;
/** Limit of the API (events.k8s.io/v1, field `note`). */
const NOTE_LIMIT = 1024;

const EVENT_TYPE: ResourceType<KubernetesObject> = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
  parse: (raw) => raw as KubernetesObject,
};

export function createEventRecorder(options: RecorderOptions): EventRecorder {
  const now = options.now ?? Date.now;
  const seen = new Map<string, number>();
  let waiting = 0;
  let tail: Promise<void> = Promise.resolve();
  return {
    record(regarding, event) {
      const key = createHash('sha256')
        .update([regarding.metadata.uid, event.type, event.reason, event.note].join('\n'))
        .digest('base64url');
      const last = seen.get(key);
      if ((last !== undefined && now() - last < DEDUPE_MILLISECONDS) || waiting >= QUEUE_LIMIT) return;
      seen.delete(key);
      seen.set(key, now());
      for (const oldest of seen.keys()) {
        if (seen.size <= SEEN_LIMIT) break;
        seen.delete(oldest);
      }
      waiting += 1;
      tail = tail
        .then(() => write(options, regarding, event, now()))
        .catch((error: unknown) => options.onTrouble?.(`event ${event.reason} could not be written`, error))
        .finally(() => {
          waiting -= 1;
        });
    },
    flush: () => tail,
  };
}

async function write(
  { client, controller, instance }: RecorderOptions,
  regarding: KubernetesObject,
  event: EventRecord,
  nowMilliseconds: number,
): Promise<void> {
  const { name, namespace = 'default', uid } = regarding.metadata;
  const { apiVersion, kind } = regarding;
  const object = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    // A unique name per event, as client-go's: the object's name and the time in hex.
    metadata: { name: `${name.slice(0, 230)}.${Math.round(nowMilliseconds * 1e6).toString(16)}`, namespace },
    eventTime: microTime(nowMilliseconds),
    type: event.type,
    reason: event.reason,
    action: event.action,
    note: event.note.slice(0, NOTE_LIMIT),
    reportingController: controller,
    reportingInstance: instance,
    regarding: { apiVersion, kind, name, namespace, uid },
  };
  await client.create(EVENT_TYPE, object);
}

/** RFC 3339 with six digits of a second, as metav1.MicroTime wants it. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}
