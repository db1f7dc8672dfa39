import type { Route } from '@sluice/common/link/route.ts';
import type { Chance } from './chance.ts';
import type { Network } from './network.ts';
import type { Truth } from './truth.ts';
import { Viewer } from './viewer.ts';
import type { VirtualTime } from './virtual-time.ts';

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
  readonly refusals: Refusals;
}

/** What became of those whom a full channel refused. */
export interface Refusals {
  /** Who came and went again. */
  turnedAway: number;
  /** Who watched already. */
  harmed: number;
}

/** Viewers who come, play and go, as players and pages do, by the edges' real counting. */
export class VirtualAudience {
  readonly #world: AudienceWorld;
  readonly #viewers = new Set<Viewer>();
  #serial = 0;
  #stopJoining: () => void = () => {};
  #stopPrograms: () => void = () => {};

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

  /** Lets programs read the multivariant playlist, and nothing else, so many times a second, until {@link rest}. */
  programs(perSecond: number): void {
    const { time, chance, network } = this.#world;
    this.#stopPrograms();
    this.#stopPrograms = time.every(1000 / perSecond, () => chance.of(network.open)?.index(null, () => {}));
  }

  /** Nobody comes and nobody goes any more; those who are here play on. */
  rest(): void {
    this.#stopJoining();
    this.#stopPrograms();
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
    viewer.start();
  }
}
