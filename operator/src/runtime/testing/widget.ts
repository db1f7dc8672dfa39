import { z } from 'zod';
import type { ApplyConfiguration, ResourceType } from '../client/client.ts';
import type { ServedKind } from '../memory/object-store.ts';

const widgetSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    generation: z.number(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.object({ size: z.number(), colour: z.string().optional() }),
  status: z.object({ ready: z.boolean() }).optional(),
});

/** A kind for the tests of this runtime; `spec.size` is required, so that an object can be unreadable. */
export type Widget = z.infer<typeof widgetSchema>;

/** Widgets as the fake API server serves them. */
export const SERVED_WIDGET: ServedKind = {
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
  hasStatus: true,
};

/** Widgets as a client asks for them. */
export const WIDGET: ResourceType<Widget> = { ...SERVED_WIDGET, parse: (raw) => widgetSchema.parse(raw) };

/** A widget to apply, in namespace `default`. */
export function widget(name: string, spec: object, metadata: object = {}): ApplyConfiguration {
  const configuration = {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { namespace: 'default', ...metadata, name },
    spec,
  };
  return configuration;
}

/** A status to apply. */
export function widgetStatus(name: string, status: object): ApplyConfiguration {
  const { spec: _spec, ...configuration } = widget(name, {}) as ApplyConfiguration & { spec: object };
  return { ...configuration, status } as ApplyConfiguration;
}
