import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { Ownership } from '../channel/succession.ts';
import { POSITION_INTERVAL_MS, withoutPosition } from '../link/uplink.ts';
import type { KnownSegment } from '../source/intake.ts';
import type { TimelineLog } from '../timeline/log.ts';
import { type CopyPosition, positionOf, updateSince } from '../timeline/replica.ts';
import type { FollowerMessage, OwnerMessage } from './messages.ts';

/** Channels that one follower may subscribe to; more than an edge can have. */
const MAX_SUBSCRIPTIONS = 20_000;

/** A channel as its owner shows it now. */
export interface Published {
  readonly term: number;
  /** Whether a viewer who comes now would be shown the log. */
  readonly ready: boolean;
  readonly log: TimelineLog | null;
  /** The newest published segments as the source names them. */
  readonly known: readonly KnownSegment[];
}

/** What an owner says of a channel beside its timeline. */
export interface ChannelReport {
  readonly report: OwnerReport;
  readonly ladder: Route['ladder'];
}

/** The channels that this edge owns. */
export interface FeedSource {
  /** Null for a channel that it does not own. */
  published(uid: string): Published | null;
  reportOf(uid: string): ChannelReport | null;
  /** Who owns a channel as far as this edge knows; null for a channel that is not known here. */
  ownershipOf(uid: string): Ownership | null;
  ownedUids(): Iterable<string>;
  /** So many other edges watch the channel. */
  setFollowers(uid: string, count: number): void;
}

/** One follower's connection as the feed uses it. */
export interface FeedSocket {
  send(message: OwnerMessage): void;
  /** So much is unsent that news had better wait: they are merged by then. */
  readonly busy: boolean;
}

interface Subscription {
  have: CopyPosition | null;
  /** Last sent state; null before the first. */
  sent: { readonly log: TimelineLog | null; readonly ready: boolean; readonly term: number } | null;
  /** Highest term at which a follower's route names this edge the owner. */
  term: number;
}

/** What the other edges hear of the channels that this one owns. */
export class TimelineFeed {
  readonly #source: FeedSource;
  readonly #connections = new Set<FeedConnection>();
  readonly #followers = new Map<string, number>();
  readonly #now: () => number;
  /** What was reported last of each channel but its position, and when. */
  readonly #told = new Map<string, { readonly story: string; readonly atMs: number }>();

  /** @param now milliseconds of any clock that never steps back */
  constructor(source: FeedSource, now: () => number) {
    this.#source = source;
    this.#now = now;
  }

  /** A follower has come: it hears the reports of all channels first. */
  connect(socket: FeedSocket): FeedConnection {
    const connection = new FeedConnection(this.#source, socket, (uid, change) => this.#count(uid, change));
    this.#connections.add(connection);
    for (const uid of this.#source.ownedUids()) connection.reported(uid);
    return connection;
  }

  /** A follower is gone. */
  disconnect(connection: FeedConnection): void {
    if (this.#connections.delete(connection)) connection.end();
  }

  /** The timeline of a channel, its owner or its term has changed, or may have. */
  changed(uid: string): void {
    // Also of a channel that is gone: what was told of it must not stay for ever.
    if (this.#source.reportOf(uid) === null) this.#told.delete(uid);
    for (const connection of this.#connections) connection.changed(uid);
  }

  /** The owner of a channel has something new to report; a position alone is told every ten seconds. */
  reported(uid: string): void {
    const found = this.#source.reportOf(uid);
    if (found === null) {
      this.#told.delete(uid);
      return;
    }
    const story = JSON.stringify([withoutPosition(found.report), found.ladder]);
    const told = this.#told.get(uid);
    const atMs = this.#now();
    if (told?.story === story && atMs - told.atMs < POSITION_INTERVAL_MS) return;
    this.#told.set(uid, { story, atMs });
    for (const connection of this.#connections) connection.reported(uid);
  }

  #count(uid: string, change: number): void {
    const count = (this.#followers.get(uid) ?? 0) + change;
    if (count > 0) this.#followers.set(uid, count);
    else this.#followers.delete(uid);
    this.#source.setFollowers(uid, count);
  }
}

/** What one follower has been told, and has yet to be. Nothing is queued: news are made when there is room for them. */
export class FeedConnection {
  readonly #source: FeedSource;
  readonly #socket: FeedSocket;
  readonly #count: (uid: string, change: number) => void;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #waitingReports = new Set<string>();
  readonly #waitingUpdates = new Set<string>();

  constructor(source: FeedSource, socket: FeedSocket, count: (uid: string, change: number) => void) {
    this.#source = source;
    this.#socket = socket;
    this.#count = count;
  }

  receive(message: FollowerMessage): void {
    if (message.type === 'subscribe') this.#subscribe(message);
    else if (message.type === 'unsubscribe') this.#unsubscribe(message.uid);
  }

  changed(uid: string): void {
    if (!this.#subscriptions.has(uid)) return;
    if (this.#socket.busy) this.#waitingUpdates.add(uid);
    else this.#update(uid);
  }

  reported(uid: string): void {
    if (this.#socket.busy) this.#waitingReports.add(uid);
    else this.#report(uid);
  }

  /** Called a few times per second: a sign of life, and what had to wait. */
  beat(): void {
    this.#socket.send({ type: 'beat' });
    for (const uid of [...this.#waitingReports]) {
      if (this.#socket.busy) return;
      this.#report(uid);
    }
    for (const uid of [...this.#waitingUpdates]) {
      if (this.#socket.busy) return;
      this.#update(uid);
    }
  }

  end(): void {
    for (const uid of [...this.#subscriptions.keys()]) this.#unsubscribe(uid);
  }

  /** Said of what was shown until now, and to whom has not heard yet who owns it. */
  #gone(uid: string, subscription: Subscription): void {
    const { sent } = subscription;
    const known = this.#source.ownershipOf(uid);
    const isNews = known !== null && known.term > subscription.term;
    if (sent !== null || isNews) {
      const named = known === null ? {} : { owners: known.owners.map((owner) => ({ ...owner })), term: known.term };
      this.#socket.send({ type: 'gone', uid, ...named });
    }
    subscription.term = Math.max(subscription.term, known?.term ?? 0);
    subscription.have = sent === null || sent.log === null ? subscription.have : positionOf(sent.log);
    subscription.sent = null;
  }

  #subscribe({ uid, term, have }: Extract<FollowerMessage, { type: 'subscribe' }>): void {
    const known = this.#subscriptions.get(uid);
    if (known === undefined && this.#subscriptions.size >= MAX_SUBSCRIPTIONS) return;
    this.#subscriptions.set(uid, { have, sent: null, term });
    // It wakes the channel, which then has news by itself.
    if (known === undefined) this.#count(uid, 1);
    if (this.#subscriptions.get(uid)?.sent === null) this.changed(uid);
  }

  #unsubscribe(uid: string): void {
    this.#waitingUpdates.delete(uid);
    if (this.#subscriptions.delete(uid)) this.#count(uid, -1);
  }

  #report(uid: string): void {
    this.#waitingReports.delete(uid);
    const found = this.#source.reportOf(uid);
    if (found !== null) this.#socket.send({ type: 'report', report: found.report, ladder: [...found.ladder] });
  }

  #update(uid: string): void {
    this.#waitingUpdates.delete(uid);
    const subscription = this.#subscriptions.get(uid);
    if (subscription === undefined) return;
    const now = this.#source.published(uid);
    const { sent } = subscription;
    if (now === null) {
      this.#gone(uid, subscription);
      return;
    }
    // The follower may have heard of a new term before this edge has: it names this edge as well.
    const term = Math.max(now.term, subscription.term);
    const isNews = sent === null || sent.log !== now.log;
    if (!isNews && sent.ready === now.ready && sent.term === term) return;
    const position = sent?.log == null ? subscription.have : positionOf(sent.log);
    const update = now.log === null || !isNews ? null : updateSince(now.log, position);
    subscription.sent = { log: now.log, ready: now.ready, term };
    this.#socket.send({
      ...{ type: 'update', uid, term, ready: now.ready },
      log: update === null ? null : asMessage(update, now.known),
    });
  }
}

function asMessage({ after, head, entries }: ReturnType<typeof updateSince>, known: readonly KnownSegment[]) {
  return {
    after,
    head: { ...head, rungs: [...head.rungs] },
    entries: entries.map((entry) => ({ ...entry, names: { ...entry.names } })),
    known: known.map((segment) => ({ ...segment })),
  };
}
