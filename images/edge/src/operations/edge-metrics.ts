import type { Counter, Metrics } from '@sluice/common/metrics/metrics.ts';
import type { Load } from '../load/meter.ts';

/** Numbers that are asked for whenever the metrics are read. */
export interface EdgeFigures {
  readonly linkConnected: () => boolean;
  readonly routes: () => number;
  readonly rememberedIds: () => number;
  readonly eventListeners: () => number;
  readonly load: () => Load;
  /** Channels with local viewers: `<namespace>`, `<name>`, count. */
  readonly viewers: () => Iterable<readonly [namespace: string, name: string, count: number]>;
}

/** Counters that the edge's parts increase themselves. */
export interface EdgeCounters {
  /** Answers that failed for the edge's own fault. */
  readonly failures: Counter;
  /** Segments and initialization sections that came from another edge, and their bytes. */
  readonly fetched: Counter;
  readonly fetchedBytes: Counter;
  /** Listed files of owners that are gone, by `result`: `read` again from the source, or `lost`. */
  readonly reread: Counter;
}

/** Registers the edge's metrics. Series per channel exist only while it has viewers here. */
export function registerEdgeMetrics(metrics: Metrics, figures: EdgeFigures): EdgeCounters {
  metrics.gauge('sluice_edge_link_connected', '1 while an operator is connected.', [], (gauge) =>
    gauge.set(figures.linkConnected() ? 1 : 0),
  );
  metrics.gauge('sluice_edge_routes', 'Channels that this edge can serve.', [], (gauge) => gauge.set(figures.routes()));
  metrics.gauge('sluice_edge_remembered_ids', 'Session ids in memory, counted or not yet.', [], (gauge) =>
    gauge.set(figures.rememberedIds()),
  );
  metrics.gauge('sluice_edge_event_listeners', 'Open server-sent event streams.', [], (gauge) =>
    gauge.set(figures.eventListeners()),
  );
  declareLoad(metrics, figures);
  metrics.gauge('sluice_edge_viewers', 'Viewers of a channel on this edge.', ['namespace', 'channel'], (gauge) => {
    gauge.reset();
    for (const [namespace, channel, count] of figures.viewers()) gauge.set({ namespace, channel }, count);
  });
  return {
    failures: metrics.counter('sluice_edge_failures_total', 'Answers that failed for a fault of the edge.'),
    fetched: metrics.counter('sluice_edge_fetched_total', 'Segments fetched from the edges that own their channels.'),
    fetchedBytes: metrics.counter('sluice_edge_fetched_bytes_total', 'Bytes of them.'),
    reread: metrics.counter(
      'sluice_edge_reread_total',
      'Listed segments of lost owners that no edge has: read again from the source, or lost.',
      ['result'],
    ),
  };
}

/** As the operator hears it; NaN: it cannot be measured. */
function declareLoad(metrics: Metrics, { load }: EdgeFigures): void {
  const egress = 'What the pod sends, in bit/s over the last 15 s, without its loopback. NaN: not known.';
  metrics.gauge('sluice_edge_egress_bits_per_second', egress, [], (gauge) =>
    gauge.set(load().egressBitsPerSecond ?? Number.NaN),
  );
  const requests = 'Requests that nginx takes in a second, over the last 15 s. NaN: not known.';
  metrics.gauge('sluice_edge_requests_per_second', requests, [], (gauge) =>
    gauge.set(load().requestsPerSecond ?? Number.NaN),
  );
}
