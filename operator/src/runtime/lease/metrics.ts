import { Gauge, type Registry } from 'prom-client';

/**
 * `leader_election_master_status` as client-go's users know it: 1 for the leader, 0 for a standby, from the start on.
 * @param name of the lease
 */
export function createElectionMetrics(registry: Registry, name: string, isLeader: () => boolean): void {
  new Gauge({
    name: 'leader_election_master_status',
    help: 'Whether this process leads: 1, or waits for the lease: 0',
    labelNames: ['name'],
    registers: [registry],
    collect() {
      this.set({ name }, Number(isLeader()));
    },
  });
}
