import { describe, expect, test } from '@jest/globals';
import { claimOf } from './claim.ts';
import { LEASE, type Lease, termOf } from './lease.ts';

function lease(spec: object, creationTimestamp = '2026-01-01T00:00:00Z'): Lease {
  return LEASE.parse({ metadata: { name: 'widgets', uid: 'u', resourceVersion: '7', creationTimestamp }, spec });
}

const CASES = [
  { what: 'no lease', spec: null, now: 0, claim: { kind: 'create' } },
  { what: 'our own', spec: { holderIdentity: 'us', leaseDurationSeconds: 15 }, now: 99_000, claim: { kind: 'renew' } },
  { what: 'a released one', spec: { holderIdentity: '', leaseDurationSeconds: 1 }, now: 0, claim: { kind: 'take' } },
  { what: 'one without a holder', spec: {}, now: 0, claim: { kind: 'take' } },
  {
    what: 'one of another, seen to change 14 s ago',
    spec: { holderIdentity: 'them', leaseDurationSeconds: 15, renewTime: '2001-01-01T00:00:00.000000Z' },
    now: 14_000,
    claim: { kind: 'wait', milliseconds: 1000 },
  },
  {
    what: 'one of another, seen to change 15 s ago',
    spec: { holderIdentity: 'them', leaseDurationSeconds: 15, renewTime: '2099-01-01T00:00:00.000000Z' },
    now: 15_000,
    claim: { kind: 'take' },
  },
  {
    what: 'one of another that is meant to last longer',
    spec: { holderIdentity: 'them', leaseDurationSeconds: 60 },
    now: 15_000,
    claim: { kind: 'wait', milliseconds: 45_000 },
  },
  { what: 'one without a duration', spec: { holderIdentity: 'them' }, now: 14_999, claim: { kind: 'wait' } },
] as const;

describe('claimOf', () => {
  test.each(CASES)('$what: $claim.kind', ({ spec, now, claim }) => {
    expect(claimOf(spec === null ? null : lease(spec), 'us', 0, now)).toMatchObject(claim);
  });
});

describe('termOf', () => {
  test('grows with each transition, and over a lease that was deleted and made anew', () => {
    const first = termOf(lease({ leaseTransitions: 0 }));
    const second = termOf(lease({ leaseTransitions: 1 }));
    const anew = termOf(lease({}, '2026-01-01T00:00:09Z'));
    expect([second - first, anew - first]).toEqual([1, 9]);
    expect(first).toBe(Date.parse('2026-01-01T00:00:00Z') / 1000);
  });
});
