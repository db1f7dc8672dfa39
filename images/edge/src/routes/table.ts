import { isDeepStrictEqual } from 'node:util';
import type { Route } from '@sluice/common/link/route.ts';
import { goesBefore, ownershipOf } from '../channel/succession.ts';
import { keyOf } from '../viewers/audiences.ts';

/** Hears of the routes that really changed. */
export interface RouteListener {
  /** A new route, a changed one, or another channel (uid) under a known name. */
  applied(route: Route): void;
  /** A channel that is gone, also when another one has taken its name (then after `applied` of the new one). */
  removed(route: Route): void;
}

/** The channels that this edge serves, by name and by uid. One name has one channel: the last one applied. */
export class RouteTable {
  readonly #byKey = new Map<string, Route>();
  readonly #byUid = new Map<string, Route>();
  readonly #listeners: RouteListener[] = [];

  /** Listeners are called in the order of their subscription. */
  subscribe(listener: RouteListener): void {
    this.#listeners.push(listener);
  }

  byKey(key: string): Route | null {
    return this.#byKey.get(key) ?? null;
  }

  byUid(uid: string): Route | null {
    return this.#byUid.get(uid) ?? null;
  }

  get size(): number {
    return this.#byUid.size;
  }

  all(): readonly Route[] {
    return [...this.#byUid.values()];
  }

  /** Takes a route; where another edge has named owners at a higher term, those stay. */
  apply(told: Route): void {
    const known = this.#byUid.get(told.uid);
    const isOld = known !== undefined && told.ownerTerm < known.ownerTerm;
    const route = isOld ? { ...told, owners: known.owners, ownerTerm: known.ownerTerm } : told;
    const key = keyOf(route);
    if (known !== undefined && isDeepStrictEqual(known, route)) return;
    const displaced = this.#byKey.get(key);
    this.#byKey.set(key, route);
    this.#byUid.set(route.uid, route);
    for (const listener of this.#listeners) listener.applied(route);
    if (displaced !== undefined && displaced.uid !== route.uid) {
      this.#byUid.delete(displaced.uid);
      for (const listener of this.#listeners) listener.removed(displaced);
    }
  }

  /** The owners of a channel as another edge, or this one, knows them; nothing happens unless they go before the route's. */
  supersede(uid: string, owners: Route['owners'], ownerTerm: number): void {
    const route = this.#byUid.get(uid);
    if (route === undefined || !goesBefore({ owners, term: ownerTerm }, ownershipOf(route))) return;
    this.apply({ ...route, owners, ownerTerm });
  }

  /** Removes the channel with this uid; nothing happens where there is none (any more). */
  remove(uid: string): void {
    const route = this.#byUid.get(uid);
    if (route === undefined) return;
    this.#byUid.delete(uid);
    if (this.#byKey.get(keyOf(route))?.uid === uid) this.#byKey.delete(keyOf(route));
    for (const listener of this.#listeners) listener.removed(route);
  }

  /** Makes these routes the whole table: what is not among them is removed. */
  replaceAll(routes: readonly Route[]): void {
    const uids = new Set(routes.map((route) => route.uid));
    for (const uid of [...this.#byUid.keys()]) if (!uids.has(uid)) this.remove(uid);
    for (const route of routes) this.apply(route);
  }
}
