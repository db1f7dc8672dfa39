import { randomUUID } from 'node:crypto';
import type { Logger } from '@sluice/common/log/log.ts';
import type { Metrics } from '@sluice/common/metrics/metrics.ts';
import type { OperatorFeatures } from './features.ts';
import type { Operator } from './operator.ts';
import type { Client, ObjectName } from './runtime/client/client.ts';
import { createElector, type Elector } from './runtime/lease/elector.ts';
import { createElectionMetrics } from './runtime/lease/metrics.ts';

/** Owns the fields of the Lease. */
const FIELD_MANAGER = 'sluice-operator';

/** How an operator gets to lead. */
export interface Election {
  /** A client of its own, whose calls are not held up by others and end within 5 s. */
  readonly client: Client;
  readonly lease: ObjectName;
  /** Name of this process for people; a random part makes it unique. */
  readonly instance: string;
  readonly features: Pick<OperatorFeatures, 'LeaseWatch'>;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** This process must do nothing more: another may lead. */
  readonly onLost: (reason: string) => void;
  /** The operator could not take over although it holds the lease. */
  readonly onFailed: (error: unknown) => void;
}

/** An elector that lets `operator` lead, once, when the lease is held. */
export function createElection(operator: Pick<Operator, 'lead'>, election: Election): Elector {
  const { client, lease, instance, features, log, metrics, onLost, onFailed } = election;
  const onElected = (term: number): void => {
    log.info({ lease: lease.name, term }, 'this operator leads');
    operator.lead(term).then(() => log.info({ term }, 'every channel is planned'), onFailed);
  };
  const elector = createElector({
    client,
    lease,
    identity: `${instance}_${randomUUID()}`,
    fieldManager: FIELD_MANAGER,
    watch: features.LeaseWatch,
    onElected,
    onLost,
    onTrouble: (trouble) => log.warn({ trouble }, 'the lease has trouble'),
  });
  createElectionMetrics(metrics.registry, lease.name, () => elector.state === 'leader');
  return elector;
}
