import type { Metrics } from '@sluice/common/metrics/metrics.ts';

/**
 * `leader_election_master_status` as client-go's users know it: 1 for the leader, 0 for a standby, from the start on.
 * @param name of the lease
 */
export function createElectionMetrics(metrics: Metrics, name: string, isLeader: () => boolean): void {
  metrics.gauge(
    'leader_election_master_status',
    'Whether this process leads: 1, or waits for the lease: 0',
    ['name'],
    (gauge) => gauge.set({ name }, Number(isLeader())),
  );
}
