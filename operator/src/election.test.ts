import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { createLogger } from '@sluice/common/log/log.ts';
import { createMetrics } from '@sluice/common/metrics/metrics.ts';
import { createElection } from './election.ts';
import type { Elector } from './runtime/lease/elector.ts';
import { LEASE, termOf } from './runtime/lease/lease.ts';
import { createMemoryClient } from './runtime/memory/client.ts';
import { ObjectStore } from './runtime/memory/object-store.ts';

const NAME = { namespace: 'sluice', name: 'sluice-operator' };

function electionOf(lead: (term: number) => Promise<void>) {
  const store = new ObjectStore({ kinds: [LEASE], now: Date.now });
  const metrics = createMetrics();
  const failed: unknown[] = [];
  const elector = createElection(
    { lead },
    {
      client: createMemoryClient(store),
      lease: NAME,
      instance: 'operator-0',
      features: { LeaseWatch: false },
      log: createLogger({ name: 'operator', level: 'silent' }),
      metrics,
      onLost: () => {},
      onFailed: (error) => failed.push(error),
    },
  );
  const lease = () => LEASE.parse(store.get(LEASE, NAME.namespace, NAME.name));
  return { elector, metrics, failed, lease };
}

async function elected(elector: Elector): Promise<void> {
  elector.start();
  while (elector.state === 'standby') await nextTurn();
  await nextTurn();
}

describe('the election of an operator', () => {
  test('lets it lead with the term of its Lease, names its pod there, and releases it in the end', async () => {
    const terms: number[] = [];
    const { elector, metrics, lease } = electionOf(async (term) => void terms.push(term));
    await elected(elector);
    expect(terms).toEqual([termOf(lease())]);
    expect(lease().spec?.holderIdentity).toMatch(/^operator-0_[0-9a-f-]{36}$/);
    expect(await metrics.text()).toContain('leader_election_master_status{name="sluice-operator"} 1');
    await elector.stop();
    expect(lease().spec?.holderIdentity).toBe('');
  });

  test('tells when it holds the lease and cannot take over', async () => {
    const fault = new Error('no caches');
    const { elector, failed } = electionOf(() => Promise.reject(fault));
    await elected(elector);
    expect(failed).toEqual([fault]);
    await elector.stop();
  });
});
