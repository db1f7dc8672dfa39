import { type Caches, CHANNELS_BY_SECRET } from './caches.ts';
import type { ChannelStates } from './channel/state.ts';
import { keyOf } from './runtime/client/client.ts';
import type { Controller } from './runtime/controller/controller.ts';
import type { Priority } from './runtime/queue/keyed-queue.ts';

/** Idle channels look at a change of the edges within this time, one after the other. */
const IDLE_SPREAD_SECONDS = 5;

/** Whom the parts of the operator ask to look again, by name, so that none of them knows the controllers. */
export class LookAgain {
  readonly #controllers: () => { readonly channels: Controller; readonly sessions: Controller };
  readonly #states: ChannelStates;
  readonly #caches: Pick<Caches, 'channels'>;
  readonly #hasPriorities: boolean;

  /**
   * @param controllers asked when there is something to look at: they are made of parts that ask to look again
   * @param hasPriorities whether what is only looked at again waits behind what has changed
   */
  constructor(
    controllers: () => { readonly channels: Controller; readonly sessions: Controller },
    states: ChannelStates,
    caches: Pick<Caches, 'channels'>,
    hasPriorities: boolean,
  ) {
    this.#controllers = controllers;
    this.#states = states;
    this.#caches = caches;
    this.#hasPriorities = hasPriorities;
  }

  /** At the Channel of this key. */
  channel(key: string, priority: Priority = 'normal'): void {
    this.#controllers().channels.enqueue(key, this.#gated(priority));
  }

  /** At the Channel of this key, in so many seconds. */
  channelWithin(key: string, seconds: number): void {
    this.#controllers().channels.enqueueAfter(key, seconds);
  }

  /** At the Channel with this uid, if it is known. */
  channelOf(uid: string): void {
    const key = this.#states.keyOf(uid);
    if (key !== undefined) this.channel(key);
  }

  /** At the Channels whose source takes its headers from the Secret of this key. */
  channelsOfSecret(secret: string): void {
    for (const { metadata } of this.#caches.channels.store.byIndex(CHANNELS_BY_SECRET, secret)) {
      this.channel(keyOf(metadata));
    }
  }

  /** At all Channels. Those that are watched come first; the others can wait, so that ten thousand hold up nobody. */
  allChannels(): void {
    for (const [key, { memory, wanted }] of this.#states.entries()) {
      const isIdle = memory.decision.mode === 'Idle' && (wanted?.mode ?? 'Idle') === 'Idle';
      if (isIdle) {
        const seconds = Math.random() * IDLE_SPREAD_SECONDS;
        this.#controllers().channels.enqueueAfter(key, seconds, this.#gated('background'));
      } else this.channel(key);
    }
  }

  /** At the StreamSession of this key. */
  session(key: string, priority: Priority = 'normal'): void {
    this.#controllers().sessions.enqueue(key, this.#gated(priority));
  }

  /** At the StreamSession of this key, in so many seconds. */
  sessionWithin(key: string, seconds: number): void {
    this.#controllers().sessions.enqueueAfter(key, seconds);
  }

  #gated(priority: Priority): Priority {
    return this.#hasPriorities ? priority : 'normal';
  }
}
