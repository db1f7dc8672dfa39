import { SluiceError } from '@sluice/common/errors/error.ts';
import { z } from 'zod';

/** What may be asked of one edge pod. */
export const LOAD_METRICS = ['viewers', 'egressBitsPerSecond', 'requestsPerSecond'] as const;

/** One kind of load: viewers, egress in bit/s, requests in 1/s. */
export type LoadMetric = (typeof LOAD_METRICS)[number];

/** Within what and by what the number of edge pods is chosen. */
export interface EdgeScaleSettings {
  /** Name of the edges' Deployment, in the operator's own namespace. */
  readonly deployment: string;
  /** At least 1. */
  readonly minReplicas: number;
  /** At least {@link minReplicas}. */
  readonly maxReplicas: number;
  /** What one pod is to carry, above 0; at least one of them. */
  readonly targets: Readonly<Partial<Record<LoadMetric, number>>>;
  /** Part of a target within which nothing happens, 0 to 0.5. */
  readonly tolerance: number;
  /** So long fewer pods must have been enough before one goes, and so long after every change. */
  readonly scaleDownStabilizationSeconds: number;
}

/** More edges than a cluster has nodes for (Kubernetes, "Considerations for large clusters": 5,000 nodes). */
const MOST_REPLICAS = 5000;

const replicas = z.coerce.number().int().min(1).max(MOST_REPLICAS);
const target = z.coerce.number().positive().optional();

/** The variables that make {@link EdgeScaleSettings}; without the first the number of edges is somebody else's. */
export const EDGE_SCALE_VARIABLES = {
  /** Deployment of the edges. */
  SLUICE_EDGE_DEPLOYMENT: z.string().default(''),
  SLUICE_EDGE_MIN_REPLICAS: replicas.default(1),
  SLUICE_EDGE_MAX_REPLICAS: replicas.default(10),
  SLUICE_EDGE_TARGET_VIEWERS: target,
  SLUICE_EDGE_TARGET_EGRESS_BITS_PER_SECOND: target,
  SLUICE_EDGE_TARGET_REQUESTS_PER_SECOND: target,
  SLUICE_EDGE_TOLERANCE_PERCENT: z.coerce.number().min(0).max(50).default(10),
  SLUICE_EDGE_SCALE_DOWN_STABILIZATION_SECONDS: z.coerce.number().min(0).max(86_400).default(300),
} as const;

const variablesSchema = z.object(EDGE_SCALE_VARIABLES);

/**
 * The settings out of variables that were read; null: the operator leaves the number of edges alone.
 * @throws SluiceError CONFIG_INVALID for bounds that exclude each other, and where there is nothing to go by
 */
export function edgeScaleSettings(values: z.infer<typeof variablesSchema>): EdgeScaleSettings | null {
  const deployment = values.SLUICE_EDGE_DEPLOYMENT;
  if (deployment === '') return null;
  const { SLUICE_EDGE_MIN_REPLICAS: minReplicas, SLUICE_EDGE_MAX_REPLICAS: maxReplicas } = values;
  if (minReplicas > maxReplicas) {
    throw refused(
      `SLUICE_EDGE_MIN_REPLICAS (${minReplicas}) is above SLUICE_EDGE_MAX_REPLICAS (${maxReplicas}): lower the one or raise the other`,
    );
  }
  const targets = {
    ...given('viewers', values.SLUICE_EDGE_TARGET_VIEWERS),
    ...given('egressBitsPerSecond', values.SLUICE_EDGE_TARGET_EGRESS_BITS_PER_SECOND),
    ...given('requestsPerSecond', values.SLUICE_EDGE_TARGET_REQUESTS_PER_SECOND),
  };
  if (Object.keys(targets).length === 0) {
    throw refused(
      'SLUICE_EDGE_DEPLOYMENT is set without anything to go by: set SLUICE_EDGE_TARGET_VIEWERS, SLUICE_EDGE_TARGET_EGRESS_BITS_PER_SECOND or SLUICE_EDGE_TARGET_REQUESTS_PER_SECOND',
    );
  }
  return {
    ...{ deployment, minReplicas, maxReplicas, targets },
    tolerance: values.SLUICE_EDGE_TOLERANCE_PERCENT / 100,
    scaleDownStabilizationSeconds: values.SLUICE_EDGE_SCALE_DOWN_STABILIZATION_SECONDS,
  };
}

function given(metric: LoadMetric, value: number | undefined): Partial<Record<LoadMetric, number>> {
  return value === undefined ? {} : { [metric]: value };
}

function refused(message: string): SluiceError {
  return new SluiceError(message, { code: 'CONFIG_INVALID', retryable: false });
}
