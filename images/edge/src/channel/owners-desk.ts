import type { OwnersAnswer, OwnersClaim } from '../replication/ownership.ts';
import type { Clock } from './clock.ts';
import { isOwner } from './mode.ts';
import type { Negotiation } from './negotiation.ts';
import type { ServedChannel } from './served.ts';
import type { Departure, OwnersListener } from './service.ts';
import { answerOf, goesBefore, ownershipOf } from './succession.ts';

/** What the word of other edges about owners acts on. */
export interface OwnersDeskContext {
  readonly podUid: string;
  readonly clock: Clock;
  readonly negotiation: Negotiation;
  /** Owners that go before those of a channel's route: the route follows at once. */
  readonly superseded: OwnersListener;
  readonly channelOf: (uid: string) => ServedChannel | undefined;
  readonly channels: () => Iterable<ServedChannel>;
}

/** Hears other edges about the owners of channels, and hands those of this edge over when it leaves. */
export class OwnersDesk {
  readonly #context: OwnersDeskContext;
  #leaving = false;
  /** Channels that somebody wants here since this edge leaves. */
  readonly #awake = new Set<string>();

  constructor(context: OwnersDeskContext) {
    this.#context = context;
  }

  /** See MediaSide.hearOwners. */
  async hear(uid: string, { owners, term, away, cutOff }: OwnersClaim): Promise<OwnersAnswer | null> {
    const { podUid, clock, negotiation, superseded, channelOf } = this.#context;
    const channel = channelOf(uid);
    if (channel === undefined) return null;
    const isNews = goesBefore({ owners, term }, ownershipOf(channel.route));
    // One that leaves must not be handed what it would only hand on.
    if (isNews && this.#leaving && owners[0]?.podUid === podUid) return null;
    if (isNews) superseded(uid, owners, term);
    else if (away && term === channel.route.ownerTerm && channel.follower?.isOwnerAway === true)
      negotiation.takeOver(channel.route);
    // Two who claim at once would wait for each other; and who asks for a successor needs its name alone, in time.
    if (!away && !cutOff && !channel.claiming) await channel.settled();
    const hearsOwner = channel.follower?.hearsOwner === true;
    if (hearsOwner && (away || cutOff)) channel.follower?.showOthers();
    const copy = channel.owner?.handOver() ?? channel.follower?.handOver() ?? null;
    return answerOf(channel.route, { copy, hearsOwner }, clock.now());
  }

  /** See ChannelService.leave. */
  async leave(): Promise<Departure> {
    this.#leaving = true;
    this.#context.negotiation.leave();
    const { podUid, channels } = this.#context;
    // Also those that it was given a moment ago, and asks others about before it writes.
    const named = [...channels()].filter(({ route, owner }) => owner !== null || isOwner(route, podUid));
    for (const { route, owner } of named) if (owner?.isAwake === true) this.#awake.add(route.uid);
    const kept = await Promise.all(named.map((channel) => this.#handOver(channel)));
    const count = (isKept: boolean): number => kept.filter((one) => one === isKept).length;
    return { handedOver: count(false), kept: count(true) };
  }

  /** A channel has another route, maybe by an operator that has not heard yet that this edge leaves. */
  applied(channel: ServedChannel): void {
    if (this.#leaving) void this.#handOver(channel);
  }

  /** A channel may have woken: viewers come until load balancers have noticed that this edge leaves. */
  changed({ route, owner }: Pick<ServedChannel, 'route' | 'owner'>): void {
    if (!this.#leaving) return;
    const isNew = owner?.isAwake === true && !this.#awake.has(route.uid);
    if (owner?.isAwake !== true) this.#awake.delete(route.uid);
    else this.#awake.add(route.uid);
    const channel = this.#context.channelOf(route.uid);
    if (isNew && channel !== undefined) void this.#handOver(channel);
  }

  /**
   * Gives a channel that is in use here to a successor; nothing happens where there is none.
   * @returns whether this edge has it still; null where it had nothing to give
   */
  async #handOver(channel: ServedChannel): Promise<boolean | null> {
    await channel.settled();
    if (channel.removed || channel.owner?.isAwake !== true) return null;
    const { route } = channel;
    await this.#context.negotiation.handOver(route, () => channel.route.ownerTerm === route.ownerTerm);
    await channel.settled();
    return channel.owner !== null;
  }
}
