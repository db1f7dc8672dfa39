import { BEAT_MS } from '../replication/messages.ts';
import type { Attachment, LinkedChannel, OwnerAddress, OwnerLinks } from '../replication/owner-link.ts';
import type { Clock } from './clock.ts';

/** Pause in ms before an owner whose answer did not fit is asked again. */
const ASK_AGAIN_MS = 250;
/**
 * An owner that has been heard within this is not away, though another edge may not reach it. Shorter than the silence after
 * which that one asks, by more than a beat: of an owner that is lost nobody must say that it is there.
 */
const HEARD_MS = 3 * BEAT_MS;

/** A followed channel's line to whoever owns it. */
export class OwnerLine {
  readonly #links: OwnerLinks;
  readonly #clock: Clock;
  readonly #channel: LinkedChannel;
  #owner: OwnerAddress | null = null;
  #attachment: Attachment | null = null;
  #cancelAgain = (): void => {};

  constructor(links: OwnerLinks, clock: Clock, channel: LinkedChannel) {
    this.#links = links;
    this.#clock = clock;
    this.#channel = channel;
  }

  /** Who is at the other end; null where no owner is known. */
  get owner(): OwnerAddress | null {
    return this.#owner;
  }

  /** Whether the owner can be asked now. */
  get isConnected(): boolean {
    return this.#attachment?.connected === true;
  }

  /** The owner is connected and has been heard just now. */
  get isHeard(): boolean {
    return this.isConnected && this.#clock.now() - (this.heardAt ?? Number.NEGATIVE_INFINITY) <= HEARD_MS;
  }

  /** The owner has been silent for too long. */
  get isAway(): boolean {
    return this.#attachment?.isAway === true;
  }

  /** When the owner was heard last, in ms of the clock; null where there never was one. */
  get heardAt(): number | null {
    return this.#attachment?.heardAt ?? null;
  }

  /** Whether this owner is at the other end already. */
  leadsTo(owner: OwnerAddress | null): boolean {
    return owner?.podUid === this.#owner?.podUid && owner?.address === this.#owner?.address;
  }

  /** Turns to another owner, and subscribes there where the channel is wanted. */
  turnTo(owner: OwnerAddress | null, wanted: boolean): void {
    this.#attachment?.detach();
    this.#owner = owner;
    this.#attachment = owner === null ? null : this.#links.attach(owner, this.#channel);
    this.#attachment?.want(wanted);
  }

  /** Subscribes, or ends the subscription. */
  want(wanted: boolean): void {
    this.#attachment?.want(wanted);
  }

  /** Subscribes anew in a moment, because an answer did not fit. */
  askAgain(): void {
    this.#cancelAgain();
    this.#cancelAgain = this.#clock.after(ASK_AGAIN_MS, () => this.#attachment?.again());
  }

  close(): void {
    this.#cancelAgain();
    this.#attachment?.detach();
  }
}
