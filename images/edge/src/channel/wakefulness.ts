import type { Clock } from './clock.ts';
import { Demand } from './demand.ts';
import { Forgetting } from './forgetting.ts';

/** What the owner of a channel does as its audience comes and goes. */
export interface WakefulnessContext {
  readonly clock: Clock;
  /** Null as long as it is not known. */
  readonly targetDurationSeconds: () => number | null;
  /** Whether the operator wants the channel, whoever watches here. */
  readonly isAskedFor: () => boolean;
  /** Called when the channel wakes, and when it falls asleep. */
  readonly turned: (awake: boolean) => void;
  /** Called after each look at who wants the channel. */
  readonly looked: () => void;
  /** One window after the channel has fallen asleep no playlist of it is in use any more: what is listed can go. */
  readonly forget: () => void;
}

/** Whether anybody wants a channel that this edge owns: its viewers, other edges, or the operator. */
export class Wakefulness {
  readonly #context: WakefulnessContext;
  readonly #demand: Demand;
  readonly #forgetting: Forgetting;
  #awake = false;
  #closed = false;

  constructor(context: WakefulnessContext) {
    this.#context = context;
    this.#demand = new Demand({ ...context, ended: () => this.evaluate() });
    this.#forgetting = new Forgetting(context);
  }

  get isAwake(): boolean {
    return this.#awake;
  }

  setViewers(viewers: number): void {
    // Thousands come and go: only the first one and the last change anything here.
    if (this.#demand.setViewers(viewers)) this.evaluate();
  }

  /** Somebody asks for a media playlist: the channel is wanted for a while. */
  asked(): void {
    const ran = this.#demand.request();
    if (!this.#awake || !ran) this.evaluate();
  }

  /** Wakes the channel or lets it sleep, as it is wanted now. */
  evaluate(): void {
    if (this.#closed) return;
    const isWantedHere = this.#demand.look();
    const wanted = this.#context.isAskedFor() || isWantedHere;
    if (wanted !== this.#awake) {
      this.#awake = wanted;
      if (wanted) this.#forgetting.cancel();
      this.#context.turned(wanted);
      if (!wanted) this.#forgetting.plan();
    }
    this.#context.looked();
  }

  /** What is listed of a channel that has slept until now goes one window later. */
  planForget(): void {
    if (!this.#awake) this.#forgetting.plan();
  }

  close(): void {
    this.#closed = true;
    this.#demand.close();
    this.#forgetting.cancel();
  }
}
