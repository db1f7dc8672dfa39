import { networkInterfaces } from 'node:os';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { EdgeMessage, OperatorMessage } from '@sluice/common/link/messages.ts';
import type { Mode } from '@sluice/common/link/mode.ts';
import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { EdgeLinkKeys } from '@sluice/operator/keys/link-keys.ts';
import { FakeEdge } from '@sluice/operator/link/fake-edge.ts';
import { EDGE_SERVICE, FACTS, SYSTEM_NAMESPACE } from './objects.ts';

/** As many as a route names owners and successors. */
const EDGES = 3;

/** One channel as the edges know it. */
interface EdgeChannel {
  readonly uid: string;
  viewers: number;
  route: Route | null;
  /** The session whose pod runs. */
  running: { readonly name: string; readonly attempt: number } | null;
  lastMsn: number;
  activeMode: Mode;
}

/**
 * Edges without media that speak the real link protocol: each counts its share of the viewers, the owner of a channel
 * reports what a real owner would as soon as it could know it.
 */
export class BenchEdges {
  readonly #edges: FakeEdge[] = [];
  readonly #channels = new Map<string, EdgeChannel>();
  /** Told of each route that the first edge gets. */
  onRoute: (route: Route) => void = () => {};

  /** Starts them on an address of this machine that an EndpointSlice may have (not a loopback one). */
  static async start(keys: EdgeLinkKeys): Promise<BenchEdges> {
    const edges = new BenchEdges();
    const host = machineAddress();
    for (let index = 0; index < EDGES; index += 1) {
      const onMessage = (message: OperatorMessage) => edges.#take(index, message);
      edges.#edges.push(await FakeEdge.start(keys, `edge-${index}`, { host, onMessage, trusting: true }));
    }
    return edges;
  }

  /** EndpointSlices that name the edges; one each, because a slice has one port for all its endpoints. */
  slices(): readonly object[] {
    return this.#edges.map((edge, index) => {
      const { podName, podUid, linkAddress } = edge.endpoint();
      const [address = '', port] = linkAddress.split(':');
      return {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: `edge-${index}`,
          namespace: SYSTEM_NAMESPACE,
          labels: { 'kubernetes.io/service-name': EDGE_SERVICE },
        },
        addressType: 'IPv4',
        ports: [
          { name: 'internal', port: 8081 },
          { name: 'link', port: Number(port) },
        ],
        endpoints: [
          {
            addresses: [address],
            conditions: { ready: true },
            targetRef: { kind: 'Pod', name: podName, namespace: SYSTEM_NAMESPACE, uid: podUid },
          },
        ],
      };
    });
  }

  /** Makes this many watch the channel; the edges tell it at once. */
  setViewers(uid: string, viewers: number): void {
    const channel = this.#channel(uid);
    const before = channel.viewers;
    channel.viewers = viewers;
    for (let id = before; id < viewers; id += 1) this.#say(id % EDGES, changeOf(uid, [id], []));
    for (let id = viewers; id < before; id += 1) this.#say(id % EDGES, changeOf(uid, [], [id]));
  }

  /** A pod of the session of this channel works. */
  sessionRuns(uid: string, name: string, attempt: number): void {
    const channel = this.#channel(uid);
    channel.running = { name, attempt };
    this.#report(channel);
  }

  /** More segments of the channel are listed; its owner says so. */
  advance(uid: string, segments: number): void {
    const channel = this.#channel(uid);
    channel.lastMsn += segments;
    this.#report(channel);
  }

  /** What the edges have of a channel. */
  route(uid: string): Route | null {
    return this.#channels.get(uid)?.route ?? null;
  }

  async close(): Promise<void> {
    await Promise.all(this.#edges.map((edge) => edge.close()));
  }

  #take(edge: number, message: OperatorMessage): void {
    switch (message.type) {
      case 'hello':
        for (const channel of this.#channels.values()) this.#sayViewers(edge, channel);
        this.#say(edge, { type: 'synced' });
        break;
      case 'snapshot':
        for (const route of message.routes) this.#learn(edge, route);
        break;
      case 'route':
        this.#learn(edge, message.route);
        break;
      case 'remove':
      case 'audience':
        break;
    }
  }

  #sayViewers(edge: number, { uid, viewers }: EdgeChannel): void {
    const ids = Array.from({ length: viewers }, (_, id) => id).filter((id) => id % EDGES === edge);
    if (ids.length > 0) this.#say(edge, { ...changeOf(uid, ids, []), snapshot: true });
  }

  #learn(edge: number, route: Route): void {
    if (edge === 0) {
      this.#channel(route.uid).route = route;
      this.onRoute(route);
    }
    if (route.owners[0]?.podUid !== this.#edges[edge]?.endpoint().podUid) return;
    const channel = this.#channel(route.uid);
    channel.route = route;
    const { activeMode } = channel;
    if (activeMode !== activeModeOf(channel) || channel.lastMsn === 0) this.#report(channel);
  }

  /** The owner's word, from the edge that is it. */
  #report(channel: EdgeChannel): void {
    const { route } = channel;
    const edge = this.#edges.findIndex((one) => one.endpoint().podUid === route?.owners[0]?.podUid);
    if (route === null || edge < 0) return;
    channel.activeMode = activeModeOf(channel);
    if (channel.lastMsn === 0) channel.lastMsn = 1;
    this.#say(edge, { type: 'report', report: reportOf(channel, route) });
  }

  #say(edge: number, message: EdgeMessage): void {
    this.#edges[edge]?.say(message);
  }

  #channel(uid: string): EdgeChannel {
    const known = this.#channels.get(uid);
    if (known !== undefined) return known;
    const channel: EdgeChannel = { uid, viewers: 0, route: null, running: null, lastMsn: 0, activeMode: 'Idle' };
    this.#channels.set(uid, channel);
    return channel;
  }
}

/** A rung is listed only when its pod works; until then the source is. */
function activeModeOf({ route, running }: EdgeChannel): Mode {
  if (route === null) return 'Idle';
  const isLive = running !== null && running.name === route.session?.name;
  return route.mode === 'Transcode' && !isLive ? 'Proxy' : route.mode;
}

function reportOf(channel: EdgeChannel, route: Route): OwnerReport {
  const { uid, running, lastMsn, activeMode } = channel;
  return {
    uid,
    ownerTerm: route.ownerTerm,
    activeMode,
    epoch: 1,
    lastMsn,
    facts: FACTS,
    health: { state: 'healthy', reason: 'Healthy', message: 'the playlist advances' },
    directObstacle: null,
    transcodeObstacle: null,
    session:
      running === null || activeMode !== 'Transcode'
        ? null
        : {
            ...running,
            state: 'Live',
            encoder: 'libx264',
            fallback: '',
            speed: 1.5,
            outTimeSeconds: lastMsn * FACTS.targetDurationSeconds,
            droppedRungs: [],
            message: '',
          },
  };
}

function changeOf(uid: string, joined: readonly number[], left: readonly number[]) {
  const hash = (id: number) => id.toString(16).padStart(16, '0');
  return {
    type: 'viewers' as const,
    uid,
    snapshot: false,
    joined: joined.map((id) => ({ id: hash(id), trusted: true })),
    left: left.map(hash),
  };
}

function machineAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
  if (found !== undefined) return found.address;
  throw new SluiceError('this machine has no address but loopback, which an EndpointSlice may not name', {
    code: 'NO_ADDRESS',
    retryable: false,
  });
}
