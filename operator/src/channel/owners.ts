import { hash } from 'node:crypto';
import { type Route, TERMS_PER_BLOCK } from '@sluice/common/link/route.ts';
import type { EdgeEndpoint } from '../link/endpoints.ts';

/** Owner and two successors: an edge and its next may fail at the same time without a source being polled twice. */
const OWNERS = 3;

/** The edges that may own a channel, the owner first, and the term of this assignment. */
export interface Ownership {
  readonly owners: Route['owners'];
  /** Grows whenever the first owner changes; an edge that sees a higher one stops writing. */
  readonly term: number;
  /** The edges among which they were chosen: for the very same list the answer is the same, and hashing is dear. */
  readonly among?: readonly EdgeEndpoint[];
}

/** An edge's word that it owns a channel. */
export interface OwnerClaim {
  readonly podUid: string;
  readonly term: number;
}

/** What is known of a channel's owners before they are chosen. */
export interface OwnersBefore {
  /** Null for an operator that has just begun to lead. */
  readonly previous: Ownership | null;
  /** Of the owner that spoke last; null if none has. */
  readonly claim: OwnerClaim | null;
  /** Name of the pod that owned the channel under the last leader; empty: none, or not known. */
  readonly formerOwner: string;
}

/** Terms of one channel under one leader: 62,500 changes of owner by it, each with room for successors behind it. */
const OWNER_TERMS_PER_LEADER = 1_000_000;

/**
 * The lowest term of ownership that a leader gives; all are below the first of the next leader.
 * @param leaderTerm seconds since the epoch or a little more: the product stays a safe integer
 */
export function firstOwnerTerm(leaderTerm: number): number {
  return leaderTerm * OWNER_TERMS_PER_LEADER;
}

/**
 * Ranks edges for a channel by rendezvous hash (Thaler and Ravishankar, 1998): every edge has a weight for every
 * channel, the heaviest own it. A pod that comes or goes moves only the channels that it owns.
 */
export function rankEdges(channelUid: string, edges: readonly EdgeEndpoint[]): readonly EdgeEndpoint[] {
  return edges
    .map((edge) => ({ edge, weight: hash('sha256', `${channelUid}/${edge.podUid}`) }))
    .sort((one, other) => (one.weight < other.weight ? 1 : -1))
    .map(({ edge }) => edge);
}

/**
 * The owners of a channel now. Ownership is sticky: the first owner stays for as long as its pod is ready, whatever
 * the hash says of pods that came later, because a move costs the timeline a break where no other edge has a copy of it.
 * So does a successor that has taken over by itself, and one that follows an owner that leaves: it has the copy.
 * Without any ready edge the last owners stay.
 *
 * @param leaderTerm of the operator that asks: its terms of ownership are above all of earlier leaders, which it does
 * not remember
 */
export function ownersOf(
  channelUid: string,
  edges: readonly EdgeEndpoint[],
  before: OwnersBefore,
  leaderTerm: number,
): Ownership {
  const { previous, formerOwner } = before;
  const claim = newClaim(before);
  if (claim === null && previous?.among === edges && previous.term >= firstOwnerTerm(leaderTerm)) return previous;
  const ready = rankEdges(
    channelUid,
    edges.filter((edge) => edge.ready && !edge.terminating),
  );
  if (ready.length === 0) return previous ?? { owners: [], term: 0 };
  const heirs = [...(claim === null ? [] : [claim]), ...(previous?.owners ?? [])];
  const heir = heirs
    .map(({ podUid }) => ready.find((edge) => edge.podUid === podUid))
    .find((edge) => edge !== undefined);
  const first = heir ?? (heirs.length > 0 ? undefined : ready.find(({ podName }) => podName === formerOwner));
  const ordered = first === undefined ? ready : [first, ...ready.filter((edge) => edge !== first)];
  const owners = ordered.slice(0, OWNERS).map(({ podName, podUid, internalAddress }) => ({
    podName,
    podUid,
    address: internalAddress,
  }));
  const goesOn = claim === null && first !== undefined && first.podUid === previous?.owners[0]?.podUid;
  const known = Math.max(previous?.term ?? 0, claim?.term ?? 0);
  const term = goesOn ? known : Math.max(firstOwnerTerm(leaderTerm), nextBlock(known));
  return { owners, term, among: edges };
}

/** A claim that the operator has not taken in yet: of a successor that has gone on without it. */
function newClaim({ claim, previous }: OwnersBefore): OwnerClaim | null {
  return claim !== null && claim.term > (previous?.term ?? 0) ? claim : null;
}

/** The first term behind all that successors may have taken since `term`. */
function nextBlock(term: number): number {
  return (Math.floor(term / TERMS_PER_BLOCK) + 1) * TERMS_PER_BLOCK;
}
