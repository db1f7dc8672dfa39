import type { CountedChannel } from './count.ts';
import { NamedIds } from './named-ids.ts';
import { SeatRoom, Seats } from './seats.ts';
import { ChannelAudience } from './union.ts';

/**
 * Channels that edges speak of and nobody follows (a Channel that cannot be read, or was deleted a moment ago): more than
 * an installation has of them at a time, and few enough for an edge that makes names up.
 */
const MAX_STRANGERS = 1_000;
/** Ids that all of those may have together, about 100 bytes each. */
const MAX_STRANGERS_IDS = 200_000;
/** The usual `timeoutSeconds`, for audiences of channels whose own is not known. */
const USUAL_TIMEOUT_MS = 60_000;

/** What is kept of a channel that is followed. */
export interface FollowedAudience {
  settings: CountedChannel;
  readonly audience: ChannelAudience;
  readonly seats: Seats;
  /** Highest count so far. */
  peak: number;
  /** Edges that said something of it which could not be kept, until they say everything again. */
  readonly unheard: Set<string>;
}

/** The audiences of all channels: of those that are followed, and of those of which edges have spoken before. */
export class ChannelAudiences {
  private readonly channels = new Map<string, FollowedAudience>();
  private readonly strangers = new Map<string, ChannelAudience>();
  /** Ids that edges name, over all channels. */
  readonly named = new NamedIds();
  private readonly seatRoom: SeatRoom;

  constructor(seatRoom: SeatRoom = new SeatRoom()) {
    this.seatRoom = seatRoom;
  }

  /**
   * Follows a channel, or takes new settings.
   * @param overheard edges whose word of a stranger could not be kept
   * @returns edges that may have said something of this channel which is lost
   */
  follow(settings: CountedChannel, overheard: () => readonly string[]): readonly string[] {
    const { uid } = settings;
    const known = this.channels.get(uid);
    if (known !== undefined) {
      known.settings = settings;
      return [];
    }
    const audience = this.strangers.get(uid) ?? new ChannelAudience(this.named);
    this.strangers.delete(uid);
    const peak = Math.max(settings.peak, audience.viewers);
    const unheard = overheard();
    const seats = new Seats(audience, this.seatRoom);
    this.channels.set(uid, { settings, audience, seats, peak, unheard: new Set(unheard) });
    return unheard;
  }

  /** Forgets a channel. */
  forget(uid: string): void {
    const channel = this.channels.get(uid);
    channel?.audience.end();
    channel?.seats.end();
    this.channels.delete(uid);
  }

  /** A channel that is followed; null for others. */
  followed(uid: string): FollowedAudience | null {
    return this.channels.get(uid) ?? null;
  }

  /** The audience of a channel, followed or not; null if nobody has spoken of it. */
  audience(uid: string): ChannelAudience | null {
    return this.channels.get(uid)?.audience ?? this.strangers.get(uid) ?? null;
  }

  /** Where so many more ids of a channel go; null where there is no room for a stranger's, or nothing to keep. */
  audienceFor(uid: string, joined: number): ChannelAudience | null {
    const channel = this.channels.get(uid);
    if (channel !== undefined) return channel.audience;
    const known = this.strangers.get(uid) ?? null;
    if (joined === 0) return known;
    let ids = joined;
    for (const { viewers } of this.strangers.values()) ids += viewers;
    if (ids > MAX_STRANGERS_IDS || (known === null && this.strangers.size >= MAX_STRANGERS)) return null;
    const audience = known ?? new ChannelAudience(this.named);
    this.strangers.set(uid, audience);
    return audience;
  }

  /** After an edge's news of a channel: it counts these viewers now, and those no more. A stranger without viewers is forgotten. */
  settle(
    uid: string,
    edge: string,
    news: { readonly joined: readonly string[]; readonly left: readonly string[] },
    nowMs: number,
  ): void {
    const channel = this.channels.get(uid);
    if (channel === undefined) {
      this.forgetEmpty(uid);
      return;
    }
    const { audience, seats, settings } = channel;
    seats.taken(edge, news.joined);
    const gone = settings.maxViewers === undefined ? [] : news.left.filter((id) => !audience.counts(id));
    if (gone.length > 0) seats.gone(edge, gone, nowMs);
    channel.peak = Math.max(channel.peak, audience.viewers);
  }

  /** An edge begins to say all that it knows. */
  begins(edge: string): void {
    for (const audience of this.audiences()) audience.snapshotBegins(edge);
  }

  /** An edge has said all: of channels that it has not mentioned since it began it counts nobody. */
  said(edge: string, nowMs: number): void {
    for (const { audience, unheard } of this.channels.values()) {
      audience.snapshotEnds(edge, nowMs);
      unheard.delete(edge);
    }
    for (const [uid, audience] of this.strangers) {
      audience.snapshotEnds(edge, nowMs);
      this.forgetEmpty(uid);
    }
  }

  /** Forgets viewers for whom a seat was kept, and who have not come. */
  sweep(nowMs: number): void {
    for (const { seats } of this.channels.values()) seats.forget(nowMs);
  }

  /** All audiences. */
  *audiences(): Generator<ChannelAudience> {
    for (const { audience } of this.channels.values()) yield audience;
    yield* this.strangers.values();
  }

  /** The longest time that any channel waits for the viewers of an edge that is gone, in ms; 0 without channels. */
  get longestTimeoutMs(): number {
    let longest = this.strangers.size > 0 ? USUAL_TIMEOUT_MS : 0;
    for (const { settings } of this.channels.values()) longest = Math.max(longest, settings.timeoutSeconds * 1000);
    return longest;
  }

  private forgetEmpty(uid: string): void {
    if (this.strangers.get(uid)?.viewers === 0) this.strangers.delete(uid);
  }
}
