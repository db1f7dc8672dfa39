import type { Clock } from '../channel/clock.ts';
import type { CopyPosition } from '../timeline/replica.ts';
import { ANSWER_TIMEOUT_MS } from './limits.ts';
import { FOLLOWER_BEAT_MS, type FollowerMessage, type OwnerMessage } from './messages.ts';
import { Patience } from './patience.ts';
import { Watchman } from './watchman.ts';

/** First pause in ms before an owner is dialled again; it doubles. */
const FIRST_RETRY_MS = 250;
/** Longest pause in ms: an owner that comes back is found within it. */
const LONGEST_RETRY_MS = 2_000;

/** A pod that owns channels, as routes name it. */
export interface OwnerAddress {
  readonly podUid: string;
  /** `host:port` of its internal port. */
  readonly address: string;
}

/** What a connection to an owner tells. */
export interface DialEvents {
  opened(): void;
  received(message: OwnerMessage): void;
  /**
   * An edge has answered, with this HTTP status, and takes no connection; nothing follows. `podUid`: which pod it says it
   * is; null where it says nothing.
   */
  refused(status: number, podUid: string | null): void;
  /** The connection has ended, or never came about; nothing follows. */
  closed(): void;
}

/** A connection to an owner, or a try of one. */
export interface OwnerSocket {
  send(message: FollowerMessage): void;
  /** Ends it at once; `closed` is not called any more. */
  close(): void;
}

/** Opens a connection. Never throws: what goes wrong is told by `closed` or `refused`. */
export type Dial = (owner: OwnerAddress, events: DialEvents) => OwnerSocket;

/** Hears of an owner's address that answers, and takes no connection: once until it does. `status`: of HTTP. */
export type RefusalListener = (owner: OwnerAddress, status: number) => void;

/** One channel on a link. */
export interface LinkedChannel {
  readonly uid: string;
  /** What a subscription says. */
  request(): { readonly term: number; readonly have: CopyPosition | null };
  updated(message: Extract<OwnerMessage, { type: 'update' }>): void;
  reported(message: Extract<OwnerMessage, { type: 'report' }>): void;
  /** The edge at the other end does not own the channel, or no longer. */
  gone(message: Extract<OwnerMessage, { type: 'gone' }>): void;
  /** The connection has ended: what is known is getting old from now on. */
  lost(): void;
  /** Silent for longer than {@link Patience} allows: told at once, and again and again as long as it lasts. */
  away(): void;
}

/** A channel's hold on a link. */
export interface Attachment {
  /** Whether the owner can be asked now. */
  readonly connected: boolean;
  /** It has been silent for longer than {@link Patience} allows. */
  readonly isAway: boolean;
  /** When the owner was heard last, in ms of the clock; minus infinity: never. */
  readonly heardAt: number;
  /** Subscribes, or ends the subscription. */
  want(wanted: boolean): void;
  /** Subscribes anew from the channel's position. */
  again(): void;
  detach(): void;
}

/** What all links of an edge share. */
interface LinkContext {
  readonly dial: Dial;
  readonly clock: Clock;
  readonly onRefused: RefusalListener;
  readonly patience: Patience;
}

/** One edge's connection to another one, kept up for as long as any channel needs it. */
export class OwnerLink {
  readonly owner: OwnerAddress;
  readonly #dial: Dial;
  readonly #clock: Clock;
  readonly #onRefused: RefusalListener;
  readonly #patience: Patience;
  readonly #watchman: Watchman;
  readonly #channels = new Map<string, { readonly channel: LinkedChannel; wanted: boolean }>();
  #socket: OwnerSocket | null = null;
  #connected = false;
  #isAway = false;
  #isRefused = false;
  #heardAt = Number.NEGATIVE_INFINITY;
  /** It is not away before, in ms of the clock, even if nothing is heard of it. */
  #trustedUntil: number;
  #retryMs = FIRST_RETRY_MS;
  #cancel = (): void => {};
  #closed = false;

  constructor(owner: OwnerAddress, { dial, clock, onRefused, patience }: LinkContext) {
    this.owner = owner;
    this.#dial = dial;
    this.#clock = clock;
    this.#onRefused = onRefused;
    this.#patience = patience;
    this.#trustedUntil = clock.now() + ANSWER_TIMEOUT_MS;
    this.#watchman = new Watchman(clock, {
      silentFrom: () => this.#trustedUntil,
      silent: (calls) => this.#silent(calls),
    });
    this.#open();
  }

  /** Channels that hold the link. */
  get size(): number {
    return this.#channels.size;
  }

  attach(channel: LinkedChannel, detached: () => void): Attachment {
    const entry = { channel, wanted: false };
    this.#channels.set(channel.uid, entry);
    const link = this;
    return {
      get connected() {
        return link.#connected;
      },
      get isAway() {
        return link.#isAway;
      },
      get heardAt() {
        return link.#heardAt;
      },
      want: (wanted) => {
        if (entry.wanted === wanted) return;
        entry.wanted = wanted;
        if (wanted) this.#subscribe(channel);
        else this.#send({ type: 'unsubscribe', uid: channel.uid });
      },
      again: () => {
        if (entry.wanted) this.#subscribe(channel);
      },
      detach: () => {
        if (this.#channels.get(channel.uid) !== entry) return;
        this.#channels.delete(channel.uid);
        if (entry.wanted) this.#send({ type: 'unsubscribe', uid: channel.uid });
        detached();
      },
    };
  }

  close(): void {
    this.#closed = true;
    this.#connected = false;
    this.#cancel();
    this.#watchman.close();
    this.#socket?.close();
    this.#socket = null;
  }

  #open(): void {
    this.#socket = this.#dial(this.owner, {
      opened: () => this.#opened(),
      received: (message) => this.#received(message),
      refused: (status, podUid) => this.#refused(status, podUid),
      closed: () => this.#lost(),
    });
  }

  #opened(): void {
    this.#connected = true;
    this.#isRefused = false;
    this.#heard();
    this.#beat();
    for (const { channel, wanted } of this.#channels.values()) if (wanted) this.#subscribe(channel);
  }

  #beat(): void {
    this.#cancel = this.#clock.after(FOLLOWER_BEAT_MS, () => {
      this.#send({ type: 'beat' });
      this.#beat();
    });
  }

  #received(message: OwnerMessage): void {
    this.#heard();
    this.#retryMs = FIRST_RETRY_MS;
    if (message.type === 'beat') return;
    const uid = message.type === 'report' ? message.report.uid : message.uid;
    const entry = this.#channels.get(uid);
    if (message.type === 'report') entry?.channel.reported(message);
    else if (entry?.wanted !== true) return;
    else if (message.type === 'update') entry.channel.updated(message);
    else entry.channel.gone(message);
  }

  /**
   * An owner that answers is there: keys that do not fit yet, or too many followers, are no reason to take over from it. Any
   * other pod at its address has got the address of an owner that is gone.
   */
  #refused(status: number, podUid: string | null): void {
    if (this.#closed) return;
    if (!this.#isRefused) this.#onRefused(this.owner, status);
    this.#isRefused = true;
    if (podUid === this.owner.podUid) {
      this.#isAway = false;
      // Until the next try has had its time.
      this.#trustedUntil = this.#clock.now() + this.#retryMs + ANSWER_TIMEOUT_MS;
    }
    this.#lost();
  }

  #lost(): void {
    if (this.#closed) return;
    const wasConnected = this.#connected;
    this.#connected = false;
    this.#socket = null;
    this.#cancel();
    this.#cancel = this.#clock.after(this.#retryMs, () => this.#open());
    this.#retryMs = Math.min(LONGEST_RETRY_MS, 2 * this.#retryMs);
    if (!wasConnected) return;
    for (const { channel } of [...this.#channels.values()]) channel.lost();
  }

  /** Nobody waits for a dial that may take as long again: it goes on beside what follows from this. */
  #silent(calls: number): void {
    this.#isAway = true;
    if (calls === 0 && this.#connected) {
      this.#socket?.close();
      this.#lost();
    }
    for (const { channel } of [...this.#channels.values()]) channel.away();
  }

  #heard(): void {
    const { podUid } = this.owner;
    const now = this.#clock.now();
    this.#patience.heard(podUid, now - this.#heardAt, now);
    this.#heardAt = now;
    this.#trustedUntil = now + this.#patience.limitMs(podUid, now);
    this.#isAway = false;
  }

  #subscribe(channel: LinkedChannel): void {
    this.#send({ type: 'subscribe', uid: channel.uid, ...channel.request() });
  }

  #send(message: FollowerMessage): void {
    if (this.#connected) this.#socket?.send(message);
  }
}

/** The links of one edge: one to each pod that owns a channel which this edge follows. */
export class OwnerLinks {
  readonly #context: LinkContext;
  readonly #links = new Map<string, OwnerLink>();

  constructor(dial: Dial, clock: Clock, onRefused: RefusalListener = () => {}) {
    this.#context = { dial, clock, onRefused, patience: new Patience() };
  }

  /** Follows a channel at its owner; the link ends with its last channel. */
  attach(owner: OwnerAddress, channel: LinkedChannel): Attachment {
    const key = `${owner.podUid} ${owner.address}`;
    const link = this.#links.get(key) ?? new OwnerLink(owner, this.#context);
    this.#links.set(key, link);
    return link.attach(channel, () => {
      if (link.size > 0) return;
      link.close();
      if (this.#links.get(key) === link) this.#links.delete(key);
    });
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }
}
