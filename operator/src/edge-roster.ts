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
  /** Process of each edge that is linked, by pod uid; null where it does not say. */
  readonly #processes = new Map<string, string | null>();
  /** Edges that say that they leave, by pod uid, with the process that said it: the next one in the pod stays. */
  readonly #leaving = new Map<string, string | null>();

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
    const edges = edgesOf(this.#slices.store.list());
    const uids = new Set(edges.map(({ podUid }) => podUid));
    for (const known of [this.#processes, this.#leaving]) {
      for (const podUid of known.keys()) if (!uids.has(podUid)) known.delete(podUid);
    }
    this.#edges = edges.map((edge) => (this.#leaving.has(edge.podUid) ? { ...edge, terminating: true } : edge));
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

  /** A link to an edge is up. @param instance of the process in its pod; null where it does not say */
  connected(podUid: string, instance: string | null): void {
    this.#processes.set(podUid, instance);
    if (!this.#leaving.has(podUid) || this.#leaving.get(podUid) === instance) return;
    this.#leaving.delete(podUid);
    this.changed();
  }

  /** An edge says that it ends soon, which may be before its EndpointSlice does: it owns nothing any more. */
  leaving(podUid: string): void {
    if (this.#leaving.has(podUid)) return;
    this.#leaving.set(podUid, this.#processes.get(podUid) ?? null);
    this.changed();
  }

  /** Follows nobody any more. */
  close(): void {
    this.#isDialling = false;
  }
}
