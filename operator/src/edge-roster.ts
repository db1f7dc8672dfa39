import { isDeepStrictEqual } from 'node:util';
import type { Caches } from './caches.ts';
import { type EdgeEndpoint, edgesOf } from './link/endpoints.ts';
import type { LinkHub } from './link/hub.ts';

/** Which edges there are, by the EndpointSlices of their Service, and to whom the hub is linked. */
export class EdgeRoster {
  readonly #slices: Caches['slices'];
  readonly #hub: () => Pick<LinkHub, 'setEdges'>;
  readonly #onMove: () => void;
  #edges: readonly EdgeEndpoint[] = [];
  #isDialling = false;

  /**
   * @param hub asked when edges are dialled
   * @param onMove edges have come, gone, or changed their readiness: it decides the owners of every channel
   */
  constructor(slices: Caches['slices'], hub: () => Pick<LinkHub, 'setEdges'>, onMove: () => void) {
    this.#slices = slices;
    this.#hub = hub;
    this.#onMove = onMove;
  }

  get edges(): readonly EdgeEndpoint[] {
    return this.#edges;
  }

  /** Takes in who they are, and calls none of them yet. */
  read(): void {
    this.#edges = edgesOf(this.#slices.store.list());
  }

  /** From now on the hub is linked to all of them. */
  dial(): void {
    this.#isDialling = true;
    this.changed();
  }

  /** The slices may have changed. */
  changed(): void {
    if (!this.#isDialling) return;
    const before = this.#edges;
    this.read();
    this.#hub().setEdges(this.#edges);
    if (!isDeepStrictEqual(before, this.#edges)) this.#onMove();
  }

  /** Follows nobody any more. */
  close(): void {
    this.#isDialling = false;
  }
}
