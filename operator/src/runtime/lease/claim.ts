import { holderOf, type Lease } from './lease.ts';

/** What an elector does about a lease. */
export type Claim =
  /** There is none: make it. */
  | { readonly kind: 'create' }
  /** Its holder has released it, or has not renewed it in time. */
  | { readonly kind: 'take'; readonly lease: Lease }
  /** It is ours. */
  | { readonly kind: 'renew'; readonly lease: Lease }
  /** It is somebody's, for this many milliseconds at least. */
  | { readonly kind: 'wait'; readonly milliseconds: number };

/** The holder's own word counts; a Lease without one is broken, and is treated as client-go's default. */
const DEFAULT_DURATION_SECONDS = 15;

/**
 * Decides from what is known. Expiry is judged by the local clock alone: the time since this process last saw the Lease
 * change, never the times in it, because clocks of nodes differ.
 *
 * @param observedAt when the Lease was seen to change, by the same clock as `now`, in milliseconds
 */
export function claimOf(lease: Lease | null, identity: string, observedAt: number, now: number): Claim {
  if (lease === null) return { kind: 'create' };
  const holder = holderOf(lease);
  if (holder === identity) return { kind: 'renew', lease };
  if (holder === '') return { kind: 'take', lease };
  const seconds = lease.spec?.leaseDurationSeconds ?? DEFAULT_DURATION_SECONDS;
  const left = observedAt + seconds * 1000 - now;
  return left <= 0 ? { kind: 'take', lease } : { kind: 'wait', milliseconds: left };
}
