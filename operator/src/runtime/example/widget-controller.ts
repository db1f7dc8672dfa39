import type { Registry } from 'prom-client';
import { z } from 'zod';
import { applyIfChanged } from '../apply/apply.ts';
import { beginStatus } from '../apply/status-transaction.ts';
import { createReflector } from '../cache/reflector.ts';
import { createWrittenVersions } from '../cache/written-versions.ts';
import { type ApplyConfiguration, type Client, keyOf, type ObjectName, type ResourceType } from '../client/client.ts';
import { createController } from '../controller/controller.ts';
import { createControllerMetricsFactory } from '../controller/metrics.ts';
import { messageOf } from '../errors/error.ts';
import { createEventRecorder, type EventRecord } from '../events/recorder.ts';
import { createElector } from '../lease/elector.ts';
import { createElectionMetrics } from '../lease/metrics.ts';
import { WIDGET, type Widget } from '../testing/widget.ts';

/** Owns the fields that this controller applies. */
const FIELD_MANAGER = 'widget-controller';

const configMapSchema = z.object({
  metadata: z.looseObject({ name: z.string(), namespace: z.string(), resourceVersion: z.string() }),
  data: z.record(z.string(), z.string()).default({}),
});
type ConfigMap = z.infer<typeof configMapSchema>;

/** `configmaps` */
export const CONFIG_MAP: ResourceType<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  parse: (raw) => configMapSchema.parse(raw),
};

/** The events that this controller tells: one constructor each, so that their reasons are a list that can be documented. */
const EVENTS = {
  sized: (size: number): EventRecord => ({ type: 'Normal', reason: 'Sized', action: 'Size', note: `size ${size}` }),
};

/** What a widget controller needs. */
export interface WidgetControllerOptions {
  readonly client: Client;
  /** A client of its own, so that no other call holds up the lease. */
  readonly leaseClient: Client;
  readonly lease: ObjectName;
  /** Unique for each start, e.g. `<host>_<uuid>`. */
  readonly identity: string;
  readonly registry: Registry;
  readonly now: () => number;
  /** Another process may lead: end this one. */
  readonly onLost: (reason: string) => void;
}

/** A whole controller: one ConfigMap for each Widget, kept by the one process that holds the lease. */
export function createWidgetController(options: WidgetControllerOptions) {
  const { client, registry, now } = options;
  const widgets = createReflector({ client, type: WIDGET });
  const configMaps = createReflector({ client, type: CONFIG_MAP });
  const events = createEventRecorder({ client, controller: FIELD_MANAGER, instance: options.identity, now });

  const written = createWrittenVersions();

  async function reconcile(key: string): Promise<undefined> {
    const widget = widgets.store.get(key);
    if (widget === undefined) return; // the garbage collector follows the owner reference
    const status = beginStatus({
      type: WIDGET,
      object: widget,
      fieldManager: FIELD_MANAGER,
      nowMilliseconds: now(),
      onWritten: (made) => written.wrote(key, widgets, made),
    });
    const outcome = await applyIfChanged(
      client,
      CONFIG_MAP,
      configMaps.store.get(key),
      configMapOf(widget),
      FIELD_MANAGER,
      (made) => written.wrote(key, configMaps, made),
    );
    if (outcome === 'applied') events.record(widget, EVENTS.sized(widget.spec.size));
    status.set({ ready: true });
    await status.commit(client);
  }

  const controller = createController({
    name: 'widget',
    reconcile,
    workers: 4,
    written,
    metrics: createControllerMetricsFactory(registry)('widget'),
    onError: (key, error) => process.stderr.write(`${key}: ${messageOf(error)}\n`),
  });
  for (const cache of [widgets, configMaps]) {
    cache.onChange(({ before, after, initial }) => {
      const object = after ?? before;
      if (object !== null) controller.enqueue(keyOf(object.metadata), initial ? 'background' : 'normal');
    });
  }
  const elector = createElector({
    client: options.leaseClient,
    lease: options.lease,
    identity: options.identity,
    fieldManager: FIELD_MANAGER,
    watch: true,
    onElected: () => controller.start(),
    onLost: options.onLost,
  });
  createElectionMetrics(registry, options.lease.name, () => elector.state === 'leader');
  return {
    /** Resolves when the caches are filled; from then on this process can lead. */
    async start(): Promise<void> {
      for (const cache of [widgets, configMaps]) cache.start();
      await Promise.all([widgets.synced, configMaps.synced]);
      elector.start();
    },
    /** For `/livez`: null, or what only a restart mends. */
    live: () => elector.fault(),
    /** Drains what is under way, writes the events, and lets another process lead, in this order. */
    async stop(): Promise<void> {
      await controller.stop(10);
      await Promise.all([widgets.stop(), configMaps.stop()]);
      await events.flush();
      await elector.stop();
    },
  };
}

function configMapOf({ metadata, spec, apiVersion, kind }: Widget): ApplyConfiguration {
  const { name, namespace, uid } = metadata;
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, ownerReferences: [{ apiVersion, kind, name, uid, controller: true }] },
    data: { size: String(spec.size) },
  };
  return object;
}
