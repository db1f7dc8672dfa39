import type { Metrics } from '@sluice/common/metrics/metrics.ts';
import { INCIDENT_REASONS, type IncidentReason } from '@sluice/common/work/incident.ts';

/** Seconds from feeding to storing: around one target duration, from the shortest to a slow encoder's. */
const SECONDS_BUCKETS: readonly number[] = [0.5, 1, 1.5, 2, 2.1, 2.25, 2.5, 3, 4, 6, 8, 10, 15];

/** What the agent counts. */
export interface AgentMetrics {
  /** The first segment of a rung was stored, so many seconds after the start of the agent. */
  first(rung: string, seconds: number): void;
  /** @param seconds since the source segment was fed; null if unknown */
  stored(rung: string, bytes: number, seconds: number | null): void;
  lost(rung: string, result: 'broken' | 'refused'): void;
  incident(reason: IncidentReason): void;
}

/** The agent's metrics in the program's registry. */
export function createAgentMetrics(metrics: Metrics): AgentMetrics {
  const segments = metrics.counter(
    'sluice_transcoder_segments_total',
    'Segments of a rung: stored, broken (failed the check) or refused (not taken by the owner).',
    ['rung', 'result'],
  );
  const bytes = metrics.counter('sluice_transcoder_segment_bytes_total', 'Bytes of the segments stored.', ['rung']);
  const seconds = metrics.histogram(
    'sluice_transcoder_segment_seconds',
    "Time from feeding a source segment to storing the rung's segment.",
    ['rung'],
    SECONDS_BUCKETS,
  );
  const first = metrics.gauge(
    'sluice_transcoder_first_segment_seconds',
    'From the start of the agent to the first segment of a rung that was stored.',
    ['rung'],
  );
  const incidents = metrics.counter('sluice_transcoder_incidents_total', 'Force kills and resource warnings.', [
    'incident',
  ]);
  for (const incident of INCIDENT_REASONS) incidents.inc({ incident }, 0);
  return {
    first: (rung, sinceStart) => first.set({ rung }, sinceStart),
    stored(rung, length, took) {
      segments.inc({ rung, result: 'stored' });
      bytes.inc({ rung }, length);
      if (took !== null) seconds.observe({ rung }, took);
    },
    lost: (rung, result) => segments.inc({ rung, result }),
    incident: (incident) => incidents.inc({ incident }),
  };
}
