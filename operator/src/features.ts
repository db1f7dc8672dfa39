import type { Feature, FeatureGates } from './runtime/features/feature-gates.ts';

/** What can be switched in the operator, by `--feature-gates` or SLUICE_FEATURE_GATES. */
export const FEATURES = {
  DebugPages: {
    stage: 'Alpha',
    description: 'Pages below /debug of the operations port show routes, queues and the last decisions.',
  },
  LeaseWatch: {
    stage: 'Beta',
    description: 'A standby watches the lease and takes over as soon as the leader releases it, not 2 s later.',
  },
  PriorityQueue: {
    stage: 'Beta',
    description: 'Objects that are only looked at again, as after a start, wait behind those that have changed.',
  },
} as const satisfies Record<string, Feature>;

/** Name of a feature gate of the operator. */
export type FeatureName = keyof typeof FEATURES;

/** Which features are on. */
export type OperatorFeatures = FeatureGates<FeatureName>;
