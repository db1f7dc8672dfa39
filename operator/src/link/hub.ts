import type { Audience } from '@sluice/common/link/audience.ts';
import { Coalescer } from '@sluice/common/link/coalesce.ts';
import type { OperatorMessage } from '@sluice/common/link/messages.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import type { Goodbye } from '../audience/goodbyes.ts';
import type { Admission } from '../audience/seats.ts';
import type { LinkIdentity } from '../keys/link-keys.ts';
import { sameJson } from '../runtime/apply/json.ts';
import { EdgeLink, type EdgeLinkEvents } from './edge-link.ts';
import type { EdgeEndpoint } from './endpoints.ts';
import { leaveMessage } from './leave-message.ts';
import { Repetitions } from './repetitions.ts';
import { routeForEdge } from './route-for-edge.ts';
import { snapshotMessages } from './snapshot.ts';

/**
 * Counts after the first one go out together this often. Sending costs more than all that is decided about a count;
 * nobody waits for it, and what an edge counts itself it shows at once.
 */
const COUNTS_INTERVAL_MS = 200;
/** Edges that nobody asks for a channel hear of its counts this often, for their lists. */
const DISTANT_INTERVAL_MS = 5_000;
/** So long an edge that was asked for a channel hears of its counts at once; it says again that it is. */
const WATCH_MS = 60_000;

/** What the hub tells of the edges. */
export interface HubEvents extends EdgeLinkEvents {
  /** An edge pod appeared or changed its readiness. */
  seen(edge: EdgeEndpoint): void;
  /** An edge pod is gone. */
  gone(edge: EdgeEndpoint): void;
}

/** What the hub needs. */
export interface HubOptions {
  readonly identity: LinkIdentity;
  /** The operator's term when an edge is dialled; see EdgeLinkOptions. */
  readonly term: () => number;
  readonly events: HubEvents;
  readonly log: Logger;
  readonly random?: () => number;
  /** Whether the edge with this pod uid counts viewers of a channel; no edge does if left out. */
  readonly counts?: (podUid: string, uid: string) => boolean;
  /** Milliseconds of a clock that never steps back; the machine's if left out. */
  readonly now?: () => number;
}

/**
 * All links: one per edge pod, ready or not. Holds what every edge has to know (routes and audiences by channel uid),
 * brings it to edges that connect, and sends on only what changes.
 */
export class LinkHub {
  private readonly options: HubOptions;
  private readonly links = new Map<string, { edge: EdgeEndpoint; link: EdgeLink }>();
  private readonly routes = new Map<string, Route>();
  private readonly audiences = new Map<string, Audience>();
  /** Channels whose count has changed and is not yet told. */
  private readonly untold = new Set<string>();
  private readonly counts = new Coalescer(COUNTS_INTERVAL_MS, () => this.tellCounts());
  /** Channels whose count has changed and is not yet told to all edges, with the pod uids of those that know it. */
  private readonly untoldFar = new Map<string, ReadonlySet<string>>();
  private readonly farCounts = new Coalescer(DISTANT_INTERVAL_MS, () => this.tellFar());
  /** Until when an edge was asked for a channel, by `<pod uid> <channel uid>`. */
  private readonly watched = new Map<string, number>();
  private readonly repetitions = new Repetitions((podUid) => this.links.get(podUid)?.link.restart());
  private readonly now: () => number;

  constructor(options: HubOptions) {
    this.options = options;
    this.now = options.now ?? (() => performance.now());
  }

  /** Takes the edges that exist now: new ones are dialled, those that are gone are forgotten. */
  setEdges(edges: readonly EdgeEndpoint[]): void {
    const next = new Set(edges.map(({ podUid }) => podUid));
    for (const [uid, { edge, link }] of this.links) {
      if (next.has(uid)) continue;
      link.close();
      this.repetitions.forget(uid);
      this.links.delete(uid);
      this.options.events.gone(edge);
    }
    for (const edge of edges) this.take(edge);
  }

  /** Makes `route` what every edge knows of its channel; nothing is sent if it is the same as before. */
  setRoute(route: Route): boolean {
    if (sameJson(this.routes.get(route.uid), route)) return false;
    this.routes.set(route.uid, route);
    this.tellRoute(route);
    return true;
  }

  /** The route that the edges have of a channel. */
  route(uid: string): Route | undefined {
    return this.routes.get(uid);
  }

  /**
   * Tells every edge the whole audience of a channel, if it changed: those that serve it or are asked for it at once or with
   * the next others, the rest every few seconds.
   */
  setAudience(audience: Audience): void {
    if (sameJson(this.audiences.get(audience.uid), audience)) return;
    this.audiences.set(audience.uid, audience);
    this.untold.add(audience.uid);
    this.counts.request();
  }

  /** Somebody asks an edge for a channel that it does not serve: it hears the count now, and each change for a minute. */
  watch(podUid: string, uid: string): void {
    const audience = this.audiences.get(uid);
    const link = this.links.get(podUid)?.link;
    if (link === undefined || audience === undefined) return;
    const name = `${podUid} ${uid}`;
    this.watched.delete(name);
    this.watched.set(name, this.now() + WATCH_MS);
    const message: OperatorMessage = { type: 'audience', audience };
    link.send(`audience:${uid}`, () => JSON.stringify(message));
  }

  /** Tells one edge that viewers of a channel have left; nothing where it is not linked: they expire there by themselves. */
  sendLeave(podUid: string, goodbye: Goodbye): void {
    const sinceMs = this.now();
    const render = (): string => JSON.stringify(leaveMessage(goodbye, this.now() - sinceMs));
    this.links.get(podUid)?.link.send(null, render, goodbye.ids.length);
  }

  /** Tells one edge who may come to a channel with a limit. */
  sendAdmission(podUid: string, { uid, admitted, refused, undecided }: Admission & { readonly uid: string }): void {
    const message: OperatorMessage = { type: 'admission', uid, admitted, refused, undecided };
    const ids = admitted.length + refused.length + undecided.length;
    this.links.get(podUid)?.link.send(null, () => JSON.stringify(message), ids);
  }

  /** Something that this edge said could not be kept: it is to say everything again. */
  askAgain(podUid: string): void {
    if (this.links.has(podUid)) this.repetitions.want(podUid);
  }

  /** Ends a channel at every edge. */
  remove(uid: string): void {
    this.audiences.delete(uid);
    this.untold.delete(uid);
    this.untoldFar.delete(uid);
    if (this.routes.delete(uid)) this.broadcast(`route:${uid}`, { type: 'remove', uid });
  }

  /** Edges by whether their link is up, for metrics and readiness. */
  status(): { readonly connected: number; readonly edges: number; readonly backlog: number } {
    let connected = 0;
    let backlog = 0;
    for (const { link } of this.links.values()) {
      connected += Number(link.connected);
      backlog += link.backlog;
    }
    return { connected, edges: this.links.size, backlog };
  }

  /** Links in a row to the edge with this pod uid that it did not accept, or that did not last. */
  attempts(podUid: string): number {
    return this.links.get(podUid)?.link.attempts ?? 0;
  }

  /** Ends all links; edges go on with what they know. */
  close(): void {
    this.counts.close();
    this.farCounts.close();
    this.repetitions.close();
    for (const { link } of this.links.values()) link.close();
    this.links.clear();
  }

  private take(edge: EdgeEndpoint): void {
    const known = this.links.get(edge.podUid);
    if (known !== undefined && known.edge.linkAddress === edge.linkAddress) {
      if (known.edge.ready !== edge.ready) this.options.events.seen(edge);
      known.edge = edge;
      return;
    }
    if (known?.link.connected === true) this.options.events.lost(known.edge, 'the address of the pod has changed');
    known?.link.close();
    this.options.events.seen(edge);
    const { identity, events, log } = this.options;
    const link = new EdgeLink({
      edge,
      identity,
      term: this.options.term(),
      events,
      log,
      random: this.options.random ?? Math.random,
      snapshot: () => snapshotMessages(this.routesFor(edge.podUid), this.audiences),
    });
    this.links.set(edge.podUid, { edge, link });
  }

  private tellCounts(): void {
    for (const uid of this.untold) {
      const near = new Set([...this.links.keys()].filter((podUid) => this.isNear(podUid, uid)));
      this.tell(uid, (podUid) => near.has(podUid));
      this.untoldFar.set(uid, near);
    }
    this.untold.clear();
    this.farCounts.request();
  }

  private tellFar(): void {
    // Not those that are far now: one that has come near since then was not told either.
    for (const [uid, told] of this.untoldFar) this.tell(uid, (podUid) => !told.has(podUid));
    this.untoldFar.clear();
    for (const [name, untilMs] of this.watched) {
      if (untilMs > this.now()) break;
      this.watched.delete(name);
    }
  }

  private tell(uid: string, isMeant: (podUid: string) => boolean): void {
    const audience = this.audiences.get(uid);
    if (audience !== undefined) this.broadcast(`audience:${uid}`, { type: 'audience', audience }, isMeant);
  }

  /** Whether an edge has to do with a channel: it owns it, counts viewers of it, or was asked for it. */
  private isNear(podUid: string, uid: string): boolean {
    if (this.routes.get(uid)?.owners[0]?.podUid === podUid || this.options.counts?.(podUid, uid) === true) return true;
    return (this.watched.get(`${podUid} ${uid}`) ?? Number.NEGATIVE_INFINITY) > this.now();
  }

  private *routesFor(podUid: string): Generator<Route> {
    for (const route of this.routes.values()) yield routeForEdge(route, podUid);
  }

  /** Those who may ask the source hear its headers, all others the route without them. */
  private tellRoute(route: Route): void {
    const key = `route:${route.uid}`;
    const isTold = (podUid: string): boolean => routeForEdge(route, podUid) === route;
    const bare: Route = { ...route, source: { ...route.source, headers: {} } };
    this.broadcast(key, { type: 'route', route }, isTold);
    this.broadcast(key, { type: 'route', route: bare }, (podUid) => !isTold(podUid));
  }

  /** The text is made once, and only where a link is up. */
  private broadcast(key: string, message: OperatorMessage, isMeant: (podUid: string) => boolean = () => true): void {
    let text: string | undefined;
    const render = (): string => {
      text ??= JSON.stringify(message);
      return text;
    };
    for (const [podUid, { link }] of this.links) if (isMeant(podUid)) link.send(key, render);
  }
}
