import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import { type Route, TERMS_PER_BLOCK } from '@sluice/common/link/route.ts';
import type { OwnersAnswer } from '../replication/ownership.ts';
import { nextMsn } from '../timeline/log.ts';
import type { TimelineCopy } from './copy.ts';
import { heardAt, toldAt } from './under-way.ts';

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
 * The ownership under which this edge, which leaves, hands a channel to one of its successors; null where that is none, or
 * the block of terms is used up.
 */
export function handedOver(
  route: Pick<Route, 'owners' | 'ownerTerm'>,
  podUid: string,
  successor: string,
): Ownership | null {
  const taken = takenOver(route, successor);
  return taken === null ? null : { ...taken, owners: taken.owners.filter((owner) => owner.podUid !== podUid) };
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

/**
 * The copy that goes furthest, of equals the owner's own, then one that knows when its end was listed, then the first; null
 * where nobody has one.
 */
export function longestCopy(copies: readonly (TimelineCopy | null)[]): TimelineCopy | null {
  let longest: TimelineCopy | null = null;
  for (const copy of copies) if (copy !== null && (longest === null || isLonger(copy, longest))) longest = copy;
  return longest;
}

function isLonger(copy: TimelineCopy, other: TimelineCopy): boolean {
  const further = nextMsn(copy.log) - nextMsn(other.log);
  return further === 0 ? knowledge(copy) > knowledge(other) : further > 0;
}

function knowledge({ underWay, newestAt }: TimelineCopy): number {
  if (underWay !== undefined) return 2;
  return newestAt === undefined ? 0 : 1;
}

/** The copy in another edge's answer that was heard at `now`, ms of this edge's clock. */
export function copyOf({ copy }: OwnersAnswer, now: number): TimelineCopy | null {
  if (copy === null) return null;
  const underWay = copy.underWay === null ? {} : { underWay: heardAt(now, copy.underWay) };
  const newest = copy.newestInMs === null ? {} : { newestAt: now + copy.newestInMs };
  return { log: { ...copy.head, entries: copy.entries }, known: copy.known, ...underWay, ...newest };
}

/**
 * What an edge answers at `now`, ms of its clock: who owns the channel as far as it knows, its copy, and whether it hears
 * another edge that is the owner.
 */
export function answerOf(
  { owners, ownerTerm }: Route,
  { copy, hearsOwner }: { readonly copy: TimelineCopy | null; readonly hearsOwner: boolean },
  now: number,
): OwnersAnswer {
  const named = { owners: owners.map((owner) => ({ ...owner })), term: ownerTerm, hearsOwner };
  if (copy === null) return { ...named, copy: null };
  const { entries, ...head } = copy.log;
  return {
    ...named,
    copy: {
      head: { ...head, rungs: [...head.rungs] },
      entries: entries.map((entry) => ({ ...entry, names: { ...entry.names } })),
      known: copy.known.map((segment) => ({ ...segment })),
      underWay: copy.underWay === undefined ? null : toldAt(now, copy.underWay),
      newestInMs: copy.newestAt === undefined ? null : copy.newestAt - now,
    },
  };
}

/** A route with what its owner was last heard to say: a log without a copy goes on above that. */
export function withReport(route: Route, report: OwnerReport | null): Route {
  if (report === null) return route;
  const facts = route.source.facts ?? report.facts;
  const epoch = Math.max(route.resume?.epoch ?? 0, report.epoch);
  const lastMsn = Math.max(route.resume?.lastMsn ?? 0, report.lastMsn);
  return { ...route, source: { ...route.source, facts }, resume: epoch === 0 ? null : { epoch, lastMsn } };
}
