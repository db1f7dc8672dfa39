import { type Route, TERMS_PER_BLOCK } from '@sluice/common/link/messages.ts';
import type { OwnersAnswer } from '../replication/ownership.ts';
import { nextMsn } from '../timeline/log.ts';
import type { TimelineCopy } from './copy.ts';

/** Who owns a channel, at which term. */
export interface Ownership {
  readonly owners: Route['owners'];
  readonly term: number;
}

/**
 * The ownership under which this edge takes over from an owner that cannot be reached: itself first, who was first
 * last. Each successor has a term of its own behind the route's, so that two who take over at once are told apart;
 * null where the edge is no successor, or the block of terms that the operator has left for them is used up.
 */
export function takenOver(
  { owners, ownerTerm }: Pick<Route, 'owners' | 'ownerTerm'>,
  podUid: string,
): Ownership | null {
  const rank = owners.findIndex((owner) => owner.podUid === podUid);
  const [first, ...successors] = owners;
  const self = owners[rank];
  if (rank < 1 || self === undefined || first === undefined) return null;
  const term = ownerTerm + rank;
  if (Math.floor(term / TERMS_PER_BLOCK) !== Math.floor(ownerTerm / TERMS_PER_BLOCK)) return null;
  return { owners: [self, ...successors.filter((owner) => owner !== self), first], term };
}

/**
 * Whether one word about a channel's owners goes before another one: that of the higher term. Two successors that reach
 * neither the owner nor each other may give themselves the same term: then the owner with the lower pod uid goes before
 * the other, wherever both are heard of.
 */
export function goesBefore(word: Ownership, known: Ownership): boolean {
  if (word.term !== known.term) return word.term > known.term;
  const [owner, other] = [word.owners[0]?.podUid, known.owners[0]?.podUid];
  return owner !== undefined && other !== undefined && owner < other;
}

/** What a route says of the owners. */
export function ownershipOf({ owners, ownerTerm }: Pick<Route, 'owners' | 'ownerTerm'>): Ownership {
  return { owners, term: ownerTerm };
}

/** Whether a successor has given itself this term, and not the operator, whose terms are the first of their blocks. */
export function isTakenOver({ ownerTerm }: Pick<Route, 'ownerTerm'>): boolean {
  return ownerTerm % TERMS_PER_BLOCK !== 0;
}

/** The copy that goes furthest, the first of equals; null where nobody has one. */
export function longestCopy(copies: readonly (TimelineCopy | null)[]): TimelineCopy | null {
  let longest: TimelineCopy | null = null;
  for (const copy of copies) {
    if (copy !== null && (longest === null || nextMsn(copy.log) > nextMsn(longest.log))) longest = copy;
  }
  return longest;
}

/** The copy in another edge's answer. */
export function copyOf({ copy }: OwnersAnswer): TimelineCopy | null {
  return copy === null ? null : { log: { ...copy.head, entries: copy.entries }, known: copy.known };
}

/** What an edge answers: who owns the channel as far as it knows, its copy, and whether it hears another edge that is the owner. */
export function answerOf({ owners, ownerTerm }: Route, copy: TimelineCopy | null, hearsOwner: boolean): OwnersAnswer {
  const named = { owners: owners.map((owner) => ({ ...owner })), term: ownerTerm, hearsOwner };
  if (copy === null) return { ...named, copy: null };
  const { entries, ...head } = copy.log;
  return {
    ...named,
    copy: {
      head: { ...head, rungs: [...head.rungs] },
      entries: entries.map((entry) => ({ ...entry, names: { ...entry.names } })),
      known: copy.known.map((segment) => ({ ...segment })),
    },
  };
}
