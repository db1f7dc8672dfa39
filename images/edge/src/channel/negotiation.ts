import type { Route } from '@sluice/common/link/route.ts';
import type { OwnerAddress } from '../replication/owner-link.ts';
import type { OwnersAnswer, OwnershipClient } from '../replication/ownership.ts';
import type { Clock } from './clock.ts';
import type { TimelineCopy } from './copy.ts';
import { copyOf, goesBefore, handedOver, longestCopy, type Ownership, ownershipOf, takenOver } from './succession.ts';

/**
 * First pause in ms before an edge is told again that it owns a channel no more; it doubles. An owner that only stood still
 * for a moment hears of it before it has written much.
 */
const TELL_AGAIN_MS = 1_000;
/** Tries: half an hour, after which the operator has been heard of everywhere or the pod is gone. */
const MAX_TELLS = 11;

/** For how long an answer is waited for. */
interface Limit {
  readonly ms: number;
  /** Since then: questions of hundreds of channels to one edge wait for their turns. */
  readonly from: 'question' | 'turn';
}

/**
 * While an owner is away nobody waits longer than this for others, who answer within some ms: one of them may be gone
 * together with it. Whoever is there has its time, too, where it is asked of hundreds of channels: else those had no copy.
 */
const OTHERS: Limit = { ms: 300, from: 'turn' };
/** Nor for the owner that is away itself, which may only have stood still for a moment. */
const AWAY: Limit = { ms: 250, from: 'question' };

/** What a negotiation needs of its edge. */
export interface NegotiationContext {
  readonly podUid: string;
  readonly client: OwnershipClient;
  readonly clock: Clock;
  /** The owners of a channel at a higher term than this edge has known; the route follows. */
  readonly superseded: (uid: string, ownership: Ownership) => void;
}

/** What the other edges said to a claim. */
export interface Claimed {
  /** The longest of their copies; null where nobody has one. */
  readonly copy: TimelineCopy | null;
  /**
   * Those who answered, the owner before first: who did not would only keep fetches waiting. Whoever answers later joins them:
   * an owner that stood still for a moment has all files.
   */
  readonly answered: readonly OwnerAddress[];
}

/** Whom a new owner has told of its term. */
interface Told {
  readonly silent: readonly OwnerAddress[];
  /** See {@link Claimed}. */
  readonly answered: OwnerAddress[];
  /** So many times. */
  readonly tries: number;
}

/** The first of these answers that goes before what a route says; null where none does. */
function wordBefore(route: Route, answers: readonly (OwnersAnswer | null)[]): OwnersAnswer | null {
  return answers.find((answer) => answer !== null && goesBefore(answer, ownershipOf(route))) ?? null;
}

/** What an edge says that hears an owner which this one does not. */
export interface HeardElsewhere {
  /** Null where it has none yet: it follows the owner from now on. */
  readonly copy: TimelineCopy | null;
  readonly from: OwnerAddress;
}

/** Agrees with the other edges about who owns a channel; the same one wins everywhere, see {@link goesBefore}. */
export class Negotiation {
  readonly #context: NegotiationContext;
  readonly #cancels = new Map<string, () => void>();
  /** Term of this edge's own claim of a channel; none where another edge owns it. */
  readonly #claimed = new Map<string, number>();
  #leaving = false;
  #closed = false;

  constructor(context: NegotiationContext) {
    this.#context = context;
  }

  /**
   * Before this edge writes a channel's timeline: tells the owner before and the successors, and learns the longest copy
   * of theirs. Null where one of them knows an owner that goes before: then this edge must not write.
   * @param away the owner before is: nobody waits for it for long
   */
  async claim(route: Route, former: OwnerAddress | null, away = false): Promise<Claimed | null> {
    this.release(route.uid);
    const others = [...(former === null ? [] : [former]), ...route.owners].filter(
      ({ podUid }, index, all) =>
        podUid !== this.#context.podUid && all.findIndex((other) => other.podUid === podUid) === index,
    );
    const answers = await Promise.all(
      others.map((other) => {
        const limit = other.podUid === former?.podUid ? AWAY : OTHERS;
        return this.#tell(other, route, away ? { limit } : {});
      }),
    );
    const higher = wordBefore(route, answers);
    if (higher !== null) {
      this.#context.superseded(route.uid, higher);
      return null;
    }
    this.#claimed.set(route.uid, route.ownerTerm);
    const silent = others.filter((_other, index) => answers[index] === null);
    const answered = others.filter((_other, index) => answers[index] !== null);
    this.#tellLater(route, { silent, answered, tries: 1 });
    return {
      copy: longestCopy(answers.map((answer) => (answer === null ? null : copyOf(answer, this.#context.clock.now())))),
      answered,
    };
  }

  /**
   * The owner cannot be reached. Takes over where this edge is the next one of those that can be and nobody else hears the
   * owner; else asks who is, if somebody watches here (`watched`); without that a successor acts by itself while the channel
   * is `needed`. Resolves with the word of an edge that hears the owner: then this one is cut off alone.
   * @param goesOn by way of another edge: no viewer waits then, and one late answer in a long time must not end that
   */
  async ownerAway(route: Route, watched: boolean, needed: boolean, goesOn = false): Promise<HeardElsewhere | null> {
    const limit = goesOn ? null : OTHERS;
    const successors = route.owners.slice(1);
    for (const [index, successor] of successors.entries()) {
      if (successor.podUid === this.#context.podUid) {
        if (this.#leaving) continue;
        return needed ? this.#takeOverAlone(route, successors.slice(index + 1), limit) : null;
      }
      if (!watched) return null;
      const answer = await this.#tell(successor, route, { away: true, limit });
      if (answer !== null) return this.#heardBy(route, successor, answer);
    }
    return null;
  }

  /** Takes over unless one of the edges behind this one still hears the owner. */
  async #takeOverAlone(
    route: Route,
    others: readonly OwnerAddress[],
    limit: Limit | null,
  ): Promise<HeardElsewhere | null> {
    const answers = await Promise.all(others.map((other) => this.#tell(other, route, { cutOff: true, limit })));
    for (const [index, other] of others.entries()) {
      const answer = answers[index] ?? null;
      if (answer === null) continue;
      if (goesBefore(answer, ownershipOf(route)) || answer.hearsOwner) return this.#heardBy(route, other, answer);
    }
    this.takeOver(route);
    return null;
  }

  #heardBy(route: Route, from: OwnerAddress, answer: OwnersAnswer): HeardElsewhere | null {
    if (goesBefore(answer, ownershipOf(route))) this.#context.superseded(route.uid, answer);
    else if (answer.hearsOwner && answer.term === route.ownerTerm)
      return { copy: copyOf(answer, this.#context.clock.now()), from };
    return null;
  }

  /**
   * This edge leaves: the first successor that takes the channel owns it from now on, and has its timeline when this
   * resolves.
   * @param isOwned whether it is this edge's still: a successor may have taken it although its answer was late
   */
  async handOver(route: Route, isOwned: () => boolean): Promise<void> {
    const { podUid, superseded } = this.#context;
    for (const successor of route.owners.slice(1)) {
      if (!isOwned()) return;
      const ownership = handedOver(route, podUid, successor.podUid);
      if (ownership === null) continue;
      const named = { ...route, owners: ownership.owners, ownerTerm: ownership.term };
      const answer = await this.#tell(successor, named);
      if (answer === null) continue;
      superseded(route.uid, goesBefore(answer, ownership) ? answer : ownership);
      return;
    }
  }

  /** This edge takes over no channel any more. */
  leave(): void {
    this.#leaving = true;
  }

  /** Makes this edge the owner, at the term that is its own as a successor. */
  takeOver(route: Route): void {
    if (this.#leaving) return;
    const ownership = takenOver(route, this.#context.podUid);
    if (ownership !== null) this.#context.superseded(route.uid, ownership);
  }

  /** Nobody has to be told any more of what this edge claimed of a channel. */
  release(uid: string): void {
    this.#cancels.get(uid)?.();
    this.#cancels.delete(uid);
    this.#claimed.delete(uid);
  }

  close(): void {
    this.#closed = true;
    for (const uid of [...this.#claimed.keys()]) this.release(uid);
  }

  /** Who does not answer within the limit counts as silent, and hears what it is told all the same. */
  #tell(
    to: OwnerAddress,
    route: Route,
    {
      away = false,
      cutOff = false,
      limit = null,
    }: { readonly away?: boolean; readonly cutOff?: boolean; readonly limit?: Limit | null } = {},
  ): Promise<OwnersAnswer | null> {
    const { client, clock } = this.#context;
    const claim = { owners: route.owners.map((owner) => ({ ...owner })), term: route.ownerTerm, away, cutOff };
    if (limit === null) return client.tell(to, route.uid, claim).catch(() => null);
    const late = Promise.withResolvers<null>();
    let cancel = (): void => {};
    const begin = (): void => {
      cancel();
      cancel = clock.after(limit.ms, () => late.resolve(null));
    };
    if (limit.from === 'question') begin();
    const answer = client.tell(to, route.uid, claim, limit.from === 'turn' ? begin : undefined).catch(() => null);
    return Promise.race([answer, late.promise]).finally(() => cancel());
  }

  /** An owner that was cut off from everybody writes on: it hears of the new term as soon as it can be reached. */
  #tellLater(route: Route, told: Told): void {
    if (told.silent.length === 0 || told.tries > MAX_TELLS || this.#closed) return;
    const cancel = this.#context.clock.after(TELL_AGAIN_MS * 2 ** (told.tries - 1), () => {
      this.#cancels.delete(route.uid);
      void this.#tellAgain(route, told);
    });
    this.#cancels.set(route.uid, cancel);
  }

  async #tellAgain(route: Route, { silent, answered, tries }: Told): Promise<void> {
    const known = this.#claimed.get(route.uid);
    const answers = await Promise.all(silent.map((other) => this.#tell(other, route)));
    if (this.#claimed.get(route.uid) !== known) return;
    const higher = wordBefore(route, answers);
    if (higher !== null) {
      this.#context.superseded(route.uid, higher);
      return;
    }
    answered.push(...silent.filter((_other, index) => answers[index] !== null));
    const others = silent.filter((_other, index) => answers[index] === null);
    this.#tellLater(route, { silent: others, answered, tries: tries + 1 });
  }
}
