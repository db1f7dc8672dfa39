import type { AudienceWorld } from './audience.ts';
import { type EdgeProcess, type Outcome, TARGET_DURATION_SECONDS } from './edge.ts';

/** A viewer who finds an edge closed asks again, and the Service names another one. */
const RETRY_MS = 300;
/** From the multivariant playlist to the first media playlist. */
const START_MS = 100;

/** One player: from its start to its end. */
export class Viewer {
  readonly #world: AudienceWorld;
  readonly #ownId: string | null;
  readonly #onEnd: (reloads: boolean) => void;
  readonly #roams: boolean;
  #id: string | null;
  #edge: EdgeProcess | undefined;
  #started = false;
  /** Has shown a sign of life that counts. */
  #isIn = false;
  #hasEnded = false;
  readonly #timers = new Map<'begin' | 'poll' | 'heartbeat', () => void>();
  #stopStay: () => void;

  /** @param ownId of a page; null: a player with a bare URL. @param onEnd told whether it comes back at once */
  constructor(world: AudienceWorld, ownId: string | null, onEnd: (reloads: boolean) => void) {
    const { time, chance, habits } = world;
    this.#world = world;
    this.#ownId = ownId;
    this.#id = ownId;
    this.#onEnd = onEnd;
    this.#roams = chance.is(habits.roaming);
    this.#stopStay = time.setTimer(
      () => this.end(!chance.is(habits.crash), chance.is(habits.reload)),
      chance.waitFor(1000 * habits.meanStaySeconds),
    );
  }

  /** Begins to play. */
  start(): void {
    this.#begin();
  }

  /** Does not go by itself any more. */
  stay(): void {
    this.#stopStay();
  }

  /** Goes now. */
  end(saysGoodbye = true, reloads = false): void {
    const { truth, route } = this.#world;
    this.#hasEnded = true;
    this.#stopStay();
    for (const callOff of this.#timers.values()) callOff();
    if (this.#started && this.#id !== null) truth.playerEnds(this.#id);
    const ownId = this.#ownId;
    const edge = saysGoodbye && ownId !== null ? this.#reach() : undefined;
    if (edge !== undefined && ownId !== null) {
      edge.audiences.leave(route, ownId);
      truth.leave(ownId);
    }
    this.#onEnd(reloads);
  }

  /** A page says first that it is there; a player asks for the multivariant playlist. */
  #begin(): void {
    const edge = this.#reach();
    if (edge === undefined) this.#later('begin', RETRY_MS, () => this.#begin());
    else if (this.#ownId === null) edge.index(null, (outcome, id) => this.#begun(outcome, id));
    else this.#heartbeat((outcome, id) => this.#begun(outcome, id));
  }

  #begun(outcome: Outcome, id: string): void {
    if (this.#hasEnded) return;
    if (outcome === 'refused') this.#turnAway();
    else if (outcome === 'lost') this.#later('begin', RETRY_MS, () => this.#begin());
    else {
      this.#id = id;
      this.#started = true;
      this.#world.truth.playerStarts(id);
      this.#later('poll', START_MS, () => this.#poll());
    }
  }

  #poll(): void {
    const { chance, habits } = this.#world;
    this.#later('poll', 1000 * TARGET_DURATION_SECONDS * chance.between(0.9, 1.1), () => this.#poll());
    this.#ask();
    if (chance.is(habits.qualityChange)) this.#ask();
  }

  #ask(): void {
    const { time, truth } = this.#world;
    const edge = this.#reach();
    const id = this.#id;
    if (edge === undefined || id === null) return;
    edge.playlist(id, (outcome) => {
      if (outcome === 'ok') truth.playlist(id, this.#ownId === null, time.now());
      this.#answered(outcome);
    });
  }

  #heartbeat(done: (outcome: Outcome, id: string) => void): void {
    const { time, truth, route } = this.#world;
    const edge = this.#reach();
    const id = this.#id;
    const again = (milliseconds: number): void => {
      if (!this.#hasEnded) this.#later('heartbeat', milliseconds, () => this.#heartbeat(() => {}));
    };
    if (edge === undefined || id === null) {
      again(RETRY_MS);
      return;
    }
    edge.heartbeat(id, (outcome) => {
      if (outcome === 'ok') truth.heartbeat(id, time.now());
      if (outcome !== 'lost') again(1000 * route.heartbeatSeconds);
      else if (this.#started) again(RETRY_MS);
      done(outcome, id);
      this.#answered(outcome);
    });
  }

  /** Who was let in and is refused later is harmed; who was never counted goes again. */
  #answered(outcome: Outcome): void {
    if (this.#hasEnded) return;
    if (outcome === 'ok') this.#isIn = true;
    else if (outcome === 'refused' && this.#isIn) this.#world.refusals.harmed += 1;
    else if (outcome === 'refused') this.#turnAway();
  }

  #turnAway(): void {
    this.#world.refusals.turnedAway += 1;
    this.end(false);
  }

  /** The edge that the next request reaches: the same as before, or any that is open; a closed one costs this request. */
  #reach(): EdgeProcess | undefined {
    const { network, chance } = this.#world;
    const { open } = network;
    const isThere = this.#edge !== undefined && open.includes(this.#edge);
    if (isThere && !this.#roams) return this.#edge;
    this.#edge = chance.of(open);
    return this.#edge;
  }

  #later(what: 'begin' | 'poll' | 'heartbeat', milliseconds: number, action: () => void): void {
    this.#timers.set(what, this.#world.time.setTimer(action, milliseconds));
  }
}
