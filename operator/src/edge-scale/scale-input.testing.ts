import type { ScaleInput } from './decide.ts';
import type { EdgeScaleSettings } from './settings.ts';
import type { PodLoad } from './usage.ts';

/** One to ten pods, 100 viewers for each, 60 s before one goes. */
export const SETTINGS: EdgeScaleSettings = {
  deployment: 'sluice-edge',
  minReplicas: 1,
  maxReplicas: 10,
  targets: { viewers: 100 },
  tolerance: 0.1,
  scaleDownStabilizationSeconds: 60,
};
/** A pod without any traffic. */
export const IDLE: PodLoad = { egressBitsPerSecond: 0, requestsPerSecond: 0 };
/** When the operator looks in a test that does not care. */
export const NOW_MS = 1_000_000;

/** What a case differs in from as many ready pods as the Deployment asks for, which all have reported no traffic. */
export interface Overrides extends Partial<Omit<ScaleInput, 'settings' | 'pods'>> {
  readonly settings?: Partial<EdgeScaleSettings>;
  /** Of each pod. */
  readonly loads?: readonly (PodLoad | null)[];
}

/** The input of a decision. */
export function scaleInput({ settings, loads, ...changes }: Overrides): ScaleInput {
  const replicas = changes.replicas ?? 2;
  const pods = (loads ?? Array<PodLoad>(replicas).fill(IDLE)).map((load, index) => ({ name: `edge-${index}`, load }));
  return {
    ...{ nowMs: NOW_MS, replicas, readyPods: pods.length, viewers: 0 },
    memory: { lowSinceMs: null },
    ...changes,
    pods,
    settings: { ...SETTINGS, ...settings },
  };
}
