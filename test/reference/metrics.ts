import { createMetrics, type Metrics } from '@sluice/common/metrics/metrics.ts';
import { registerEdgeMetrics } from '@sluice/edge/operations/edge-metrics.ts';
import { registerStorageMetrics } from '@sluice/edge/operations/storage-metrics.ts';
import { FEATURES } from '@sluice/operator/features.ts';
import { createOperatorMetrics } from '@sluice/operator/metrics.ts';
import { createClientMetrics } from '@sluice/operator/runtime/client/metrics.ts';
import { createControllerMetricsFactory } from '@sluice/operator/runtime/controller/metrics.ts';
import { createFeatureMetrics, parseFeatureGates } from '@sluice/operator/runtime/features/feature-gates.ts';
import { createElectionMetrics } from '@sluice/operator/runtime/lease/metrics.ts';
import { createAgentMetrics } from '@sluice/transcoder/agent/metrics.ts';
import { code, table } from './table.ts';

/** The parts of prom-client's metrics that a reader needs; its types leave the names of labels out. */
interface Declared {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

/** docs/metrics.md: what each program declares in its registry, in the order of declaration. */
export function metricsReference(): string {
  return `# Metrics

All programs have \`/metrics\` on port 9090 in Prometheus' text format, with prom-client's \`process_*\` and \`nodejs_*\`
(of the event loop's lag only \`nodejs_eventloop_lag_seconds\`: the rest would cost an idle program most of its CPU).
Viewers and session ids are never labels. Generated from the code by \`npm run generate\`.

## Operator

${declaredBy(declareOperator)}

## Operator: controllers and API server

The names of controller-runtime and client-go, for dashboards that know them.

${declaredBy(declareRuntime)}

## Edge

${declaredBy(declareEdge)}

## Agent in a transcode pod

${declaredBy((metrics) => createAgentMetrics(metrics))}
`;
}

function declareOperator(metrics: Metrics): void {
  createOperatorMetrics(metrics, {
    links: () => ({ connected: 0, edges: 0, backlog: 0 }),
    book: { refused: () => ({ unknownChannel: 0, tooManyIds: 0 }), silentSeconds: () => 0, ageSeconds: () => 0 },
    sessions: () => [],
    waiting: () => [],
    admitted: () => new Map(),
  });
}

function declareRuntime({ registry }: Metrics): void {
  createControllerMetricsFactory(registry);
  createClientMetrics(registry, 'https://kubernetes.default.svc');
  createElectionMetrics(registry, 'sluice-operator', () => false);
  createFeatureMetrics(registry, FEATURES, parseFeatureGates(FEATURES, ''));
}

function declareEdge(metrics: Metrics): void {
  registerEdgeMetrics(metrics, {
    linkConnected: () => false,
    routes: () => 0,
    rememberedIds: () => 0,
    eventListeners: () => 0,
    load: () => ({ egressBitsPerSecond: null, requestsPerSecond: null }),
    viewers: () => [],
  });
  registerStorageMetrics(metrics, { bytes: 0, limitBytes: 0, channels: () => [], observe: () => {} });
}

function declaredBy(declare: (metrics: Metrics) => void): string {
  const metrics = createMetrics();
  const own = new Set(metrics.registry.getMetricsAsArray().map(({ name }) => name));
  declare(metrics);
  const declared = metrics.registry.getMetricsAsArray().filter(({ name }) => !own.has(name));
  const rows = declared.map((metric) => {
    const { name, help, labelNames } = metric as unknown as Declared;
    return [`\`${name}\``, metric.constructor.name.toLowerCase(), code(labelNames), help.replace(/\.$/, '')];
  });
  return table(['name', 'type', 'labels', 'meaning'], rows);
}
