import { messageOf } from '@sluice/common/errors/error.ts';
import { SECRET } from '../../kinds.ts';
import { type JsonObject, metadataOf } from '../../runtime/memory/fields.ts';
import { LOCAL_POD } from '../api/shapes.ts';
import { PodRun, type PodServices } from './pod-run.ts';

/** At the end of the run every container has this long to end by itself. */
const STOP_GRACE_MS = 2000;

/** What runs the pods of an API. */
export interface Kubelet {
  /** What a container has printed, the first main one if the name is empty; null if there is no such container. */
  log(pod: JsonObject, container: string): string | null;
  /** Ends every process group and removes every folder. */
  stop(): Promise<void>;
}

/** Runs every pod of the API as processes of this machine; pods that exist are started at once. */
export function startKubelet(services: PodServices): Kubelet {
  const runs = new Map<unknown, PodRun>();
  const take = (object: JsonObject): void => {
    const { uid, name } = metadataOf(object);
    try {
      const pod = LOCAL_POD.parse(object);
      const run = runs.get(uid) ?? new PodRun(pod, services);
      if (!runs.has(uid)) void run.done.finally(() => runs.delete(uid));
      runs.set(uid, run);
      const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
      if (deletionTimestamp !== undefined) run.delete(1000 * (deletionGracePeriodSeconds ?? 0));
    } catch (error) {
      const text = `Pod ${name} cannot be read: ${messageOf(error)}`;
      services.print({ pod: 'kubelet', container: '', text });
    }
  };
  const unsubscribe = services.store.onEvent(({ kind, type, object }) => {
    if (kind.plural === SECRET.plural && type !== 'DELETED') for (const run of runs.values()) run.refresh(object);
    if (kind.plural !== LOCAL_POD.plural) return;
    if (type === 'DELETED') runs.get(metadataOf(object).uid)?.kill(0);
    else take(object);
  });
  for (const object of services.store.list(LOCAL_POD)) take(object);
  return {
    log: (pod, container) => runs.get(metadataOf(pod).uid)?.log(container) ?? null,
    async stop() {
      unsubscribe();
      const left = [...runs.values()];
      for (const run of left) run.kill(STOP_GRACE_MS);
      await Promise.all(left.map(({ done }) => done));
    },
  };
}
