import type { Route } from '@sluice/common/link/messages.ts';
import type { Chance } from './chance.ts';
import { type EdgeProcess, TARGET_DURATION_SECONDS } from './edge.ts';
import type { Network } from './network.ts';
import type { Truth } from './truth.ts';
import type { VirtualTime } from './virtual-time.ts';

/** A viewer who finds an edge closed asks again, and the Service names another one. */
const RETRY_MS = 300;
/** From the multivariant playlist to the first media playlist. */
const START_MS = 100;
/** A page that is loaded again is back this soon. */
const RELOAD_MS = 400;

/** Shares of the audience and its habits, each in [0, 1]. */
export interface Habits {
  /** Viewers with the page: an id of their own, heartbeats, a goodbye. The others are players with a bare URL. */
  readonly page: number;
  /** Of the pages' ends, those without a goodbye. */
  readonly crash: number;
  /** Of the ends, those that are reloads. */
  readonly reload: number;
  /** Of the pages, those that play in a second tab with the same id. */
  readonly secondTab: number;
  /** Of the requests for a playlist, those that come with one for another rung. */
  readonly qualityChange: number;
  /** Viewers whose every request may reach another edge; the others stay with one while it answers. */
  readonly roaming: number;
  readonly meanStaySeconds: number;
}

/** What viewers need of the world. */
export interface AudienceWorld {
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly network: Network;
  readonly truth: Truth;
  readonly route: Route;
  readonly habits: Habits;
}

/** Viewers who come, play and go, as players and pages do, by the edges' real counting. */
export class VirtualAudience {
  readonly #world: AudienceWorld;
  readonly #viewers = new Set<Viewer>();
  #serial = 0;
  #stopJoining: () => void = () => {};

  constructor(world: AudienceWorld) {
    this.#world = world;
  }

  /** Lets so many come, spread over a time. */
  join(count: number, withinMs: number): void {
    const { time, chance } = this.#world;
    for (let index = 0; index < count; index += 1) time.setTimer(() => this.#add(), chance.between(0, withinMs));
  }

  /** Lets viewers come for ever, on average so many a second, until {@link rest}. */
  flow(perSecond: number): void {
    const { time, chance } = this.#world;
    this.#stopJoining();
    if (perSecond === 0) return;
    const next = (): void => {
      this.#stopJoining = time.setTimer(
        () => {
          this.#add();
          next();
        },
        chance.waitFor(1000 / perSecond),
      );
    };
    next();
  }

  /** Nobody comes and nobody goes any more; those who are here play on. */
  rest(): void {
    this.#stopJoining();
    for (const viewer of this.#viewers) viewer.stay();
  }

  /** A share of those who are here go at once. */
  depart(share: number): void {
    for (const viewer of [...this.#viewers]) if (this.#world.chance.is(share)) viewer.end();
  }

  /** All go at once, and nobody says goodbye. */
  vanish(): void {
    for (const viewer of [...this.#viewers]) viewer.end(false);
  }

  #add(): void {
    const { chance, habits } = this.#world;
    this.#serial += 1;
    const id = chance.is(habits.page) ? `page-${this.#serial}` : null;
    this.#start(id);
    if (id !== null && chance.is(habits.secondTab)) this.#start(id);
  }

  #start(id: string | null): void {
    const viewer: Viewer = new Viewer(this.#world, id, (reloads) => {
      this.#viewers.delete(viewer);
      if (reloads) this.#world.time.setTimer(() => this.#start(id), RELOAD_MS);
    });
    this.#viewers.add(viewer);
  }
}

/** One player: from its start to its end. */
class Viewer {
  readonly #world: AudienceWorld;
  readonly #ownId: string | null;
  readonly #onEnd: (reloads: boolean) => void;
  readonly #roams: boolean;
  #id: string | null;
  #edge: EdgeProcess | undefined;
  #started = false;
  readonly #timers = new Map<'begin' | 'poll' | 'heartbeat', () => void>();
  #stopStay: () => void;

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
    this.#begin();
  }

  stay(): void {
    this.#stopStay();
  }

  end(saysGoodbye = true, reloads = false): void {
    const { truth, route } = this.#world;
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

  #begin(): void {
    const { route, truth } = this.#world;
    const edge = this.#reach();
    if (edge === undefined) {
      this.#later('begin', RETRY_MS, () => this.#begin());
      return;
    }
    this.#id = this.#ownId ?? edge.sessionIds.mint(`${route.namespace}/${route.name}`);
    truth.playerStarts(this.#id);
    if (this.#ownId !== null) this.#heartbeat();
    this.#started = true;
    this.#later('poll', START_MS, () => this.#poll());
  }

  #poll(): void {
    const { chance, habits } = this.#world;
    this.#ask();
    if (chance.is(habits.qualityChange)) this.#ask();
    this.#later('poll', 1000 * TARGET_DURATION_SECONDS * chance.between(0.9, 1.1), () => this.#poll());
  }

  #ask(): void {
    const { time, truth, route } = this.#world;
    const edge = this.#reach();
    if (edge === undefined || this.#id === null) return;
    edge.audiences.playlistRequest(route, this.#id);
    truth.playlist(this.#id, this.#ownId === null, time.now());
  }

  #heartbeat(): void {
    const { time, truth, route } = this.#world;
    const edge = this.#reach();
    if (edge !== undefined && this.#id !== null) {
      edge.audiences.heartbeat(route, this.#id);
      truth.heartbeat(this.#id, time.now());
    }
    this.#later('heartbeat', edge === undefined ? RETRY_MS : 1000 * route.heartbeatSeconds, () => this.#heartbeat());
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
