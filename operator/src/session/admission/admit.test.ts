import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { admit, type Claim, refusalText, type SessionLimits } from './admit.ts';

function claim(key: string, changes: Partial<Claim> = {}): Claim {
  return {
    uid: key,
    owner: 'owner a',
    priority: 0,
    createdAt: '2026-11-21T12:00:00Z',
    key,
    admitted: false,
    ...changes,
  };
}

/** Uids of the claims that may run, sorted. */
function running(claims: readonly Claim[], limits: SessionLimits): readonly string[] {
  return [...admit(claims, limits)].flatMap(([uid, { admitted }]) => (admitted ? uid : [])).sort();
}

const claimArbitrary = fc.record({
  owner: fc.constantFrom('owner a', 'owner b', 'owner c'),
  priority: fc.integer({ min: -1, max: 1 }),
  createdAt: fc.constantFrom('2026-11-21T12:00:00Z', '2026-11-21T12:00:01Z', '2026-11-21T12:00:02Z'),
  admitted: fc.boolean(),
});
const claimsArbitrary = fc
  .array(claimArbitrary, { maxLength: 14 })
  .map((claims) => claims.map((each, index): Claim => ({ ...each, uid: `u${index}`, key: `tv/film-${index}` })));
const limitsArbitrary = fc.record({ perOwner: fc.integer({ min: 1, max: 4 }), total: fc.integer({ min: 1, max: 7 }) });

function count(claims: readonly Claim[], owner?: string): number {
  return claims.filter((each) => owner === undefined || each.owner === owner).length;
}

interface Outcome {
  readonly claims: readonly Claim[];
  readonly limits: SessionLimits;
  readonly before: readonly Claim[];
  readonly started: readonly Claim[];
  readonly waiting: readonly Claim[];
}

function outcome(claims: readonly Claim[], limits: SessionLimits): Outcome {
  const verdicts = admit(claims, limits);
  const mayRun = (each: Claim): boolean => verdicts.get(each.uid)?.admitted === true;
  return {
    claims,
    limits,
    before: claims.filter(({ admitted }) => admitted),
    started: claims.filter((each) => !each.admitted && mayRun(each)),
    waiting: claims.filter((each) => !mayRun(each)),
  };
}

/** Runs `check` over many outcomes. */
function always(check: (outcome: Outcome) => void): void {
  fc.assert(
    fc.property(claimsArbitrary, limitsArbitrary, (claims, limits) => check(outcome(claims, limits))),
    { numRuns: 150 },
  );
}

describe('the admission of sessions', () => {
  test('gives five to each owner and twenty in all', () => {
    const owners = ['a', 'b', 'c', 'd', 'e', 'f'];
    const claims = owners.flatMap((owner) =>
      Array.from({ length: 10 }, (_, index) => claim(`${owner}/film-${index}`, { owner })),
    );
    const started = running(claims, { perOwner: 5, total: 20 });
    expect(started).toHaveLength(20);
    expect(owners.map((owner) => started.filter((key) => key.startsWith(owner)).length)).toEqual([4, 4, 3, 3, 3, 3]);
  });

  test('prefers the priority to fairness, and fairness to age', () => {
    const claims = [
      claim('old', { createdAt: '2026-11-21T11:00:00Z' }),
      claim('older', { createdAt: '2026-11-21T10:00:00Z' }),
      claim('poor', { owner: 'owner b' }),
      claim('urgent', { priority: 5 }),
    ];
    expect(running(claims, { perOwner: 5, total: 1 })).toEqual(['urgent']);
    expect(running(claims, { perOwner: 5, total: 2 })).toEqual(['poor', 'urgent']);
    expect(running(claims, { perOwner: 5, total: 3 })).toEqual(['older', 'poor', 'urgent']);
  });

  test('says which limit is reached, and how far', () => {
    const claims = [claim('one', { admitted: true }), claim('two', { admitted: true }), claim('three')];
    const byOwner = admit(claims, { perOwner: 1, total: 9 }).get('three');
    expect(byOwner).toEqual({ admitted: false, scope: 'owner', owner: 'owner a', limit: 1, current: 2 });
    const inAll = admit(claims, { perOwner: 9, total: 2 }).get('three');
    expect(inAll).toEqual({ admitted: false, scope: 'total', owner: 'owner a', limit: 2, current: 2 });
    expect([byOwner, inAll].map((verdict) => (verdict?.admitted === false ? refusalText(verdict) : ''))).toEqual([
      '2 StreamSessions of owner a run, and the limit is 1: this one starts when one of them ends',
      '2 StreamSessions run, and the limit is 2: this one starts when one of them ends',
    ]);
  });

  test('stays within the limits, whatever ran before, and stops nothing that runs', () => {
    always(({ limits, before, started }) => {
      expect(count([...before, ...started])).toBeLessThanOrEqual(Math.max(limits.total, count(before)));
      for (const { owner } of started) {
        expect(count([...before, ...started], owner)).toBeLessThanOrEqual(limits.perOwner);
      }
    });
  });

  test('lets nobody wait who fits', () => {
    always(({ limits, before, started, waiting }) => {
      const all = [...before, ...started];
      for (const { owner } of waiting) {
        expect(count(all) >= limits.total || count(all, owner) >= limits.perOwner).toBe(true);
      }
    });
  });

  test('starts nobody before one of a higher priority, or an older one of the same owner, who could take the place', () => {
    always(({ limits, before, started, waiting }) => {
      const all = [...before, ...started];
      for (const waits of waiting) {
        const isOwnersTurn = count(all, waits.owner) < limits.perOwner;
        for (const starts of started) {
          if (isOwnersTurn || starts.owner === waits.owner) {
            expect(starts.priority).toBeGreaterThanOrEqual(waits.priority);
          }
          if (starts.owner === waits.owner && starts.priority === waits.priority) {
            expect(`${starts.createdAt} ${starts.key}` < `${waits.createdAt} ${waits.key}`).toBe(true);
          }
        }
      }
    });
  });

  test('within a priority no owner gets a second place more than another one who waits', () => {
    always(({ limits, before, started, waiting }) => {
      const all = [...before, ...started];
      for (const waits of waiting.filter(({ owner }) => count(all, owner) < limits.perOwner)) {
        for (const starts of started.filter(({ priority }) => priority === waits.priority)) {
          // The last of them started when its owner had no more than the one who waits has now.
          const later = started.filter(({ owner, priority }) => owner === starts.owner && priority < waits.priority);
          const atItsStart = count(all, starts.owner) - later.length - 1;
          expect(atItsStart).toBeLessThanOrEqual(count(all, waits.owner));
        }
      }
    });
  });

  test('does not depend on the order of the claims, and holds to its answer', () => {
    fc.assert(
      fc.property(
        claimsArbitrary.chain((claims) =>
          fc.tuple(fc.constant(claims), fc.shuffledSubarray(claims, { minLength: claims.length })),
        ),
        limitsArbitrary,
        ([claims, shuffled], limits) => {
          const first = running(claims, limits);
          expect(running(shuffled, limits)).toEqual(first);
          const next = claims.map((each) => ({ ...each, admitted: first.includes(each.uid) }));
          expect(running(next, limits)).toEqual(first);
        },
      ),
      { numRuns: 100 },
    );
  });
});
