import type { Audience } from '@sluice/common/link/audience.ts';
import type { EdgeMessage } from '@sluice/common/link/messages.ts';
import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { createLogger } from '@sluice/common/log/log.ts';
import { createMetrics } from '@sluice/common/metrics/metrics.ts';
import type { Channel, ChannelSpecInput, StreamSession } from '@sluice/crds';
import type { EdgeScaleSettings } from '../edge-scale/settings.ts';
import { makeEdgeKeys, makeOperatorKeys } from '../keys/link-keys.ts';
import { CHANNEL, DEPLOYMENT, ENDPOINT_SLICE, NAMESPACE, POD, SECRET, STREAM_SESSION } from '../kinds.ts';
import { FakeEdge } from '../link/fake-edge.ts';
import { Operator } from '../operator.ts';
import type { Client } from '../runtime/client/client.ts';
import { createHttpClient } from '../runtime/client/http-client.ts';
import type { JsonObject } from '../runtime/memory/fields.ts';
import type { ServedKind } from '../runtime/memory/object-store.ts';
import { type Clock, MONOTONIC_CLOCK } from '../runtime/queue/clock.ts';
import { steadyClock } from '../runtime/queue/steady-clock.ts';
import { type FakeApiServer, startFakeApiServer } from '../runtime/testing/fake-api-server.ts';
import { channelFixture, reportFixture } from './fixtures.ts';

/** Where operator and edges are. */
export const SYSTEM_NAMESPACE = 'sluice';
const SERVICE = 'sluice-edge-internal';
/** What a test waits for comes within milliseconds; this only bounds a test that fails. */
const PATIENCE_MS = 10_000;

/** Kinds as the fake API server serves them. */
export const SERVED = {
  channels: { ...CHANNEL, hasStatus: true },
  sessions: { ...STREAM_SESSION, hasStatus: true },
  pods: { ...POD, hasStatus: true },
  deployments: { ...DEPLOYMENT, hasStatus: true, hasScale: true },
  secrets: SECRET,
  namespaces: NAMESPACE,
  slices: ENDPOINT_SLICE,
  events: { group: 'events.k8s.io', version: 'v1', kind: 'Event', plural: 'events', namespaced: true },
} satisfies Record<string, ServedKind>;

/** How a harness differs from the usual one. */
export interface HarnessOptions {
  /** The operator's time runs so many times faster, but for the link. */
  readonly speed?: number;
  /** Lets the operator keep the number of edge pods. */
  readonly edgeScale?: EdgeScaleSettings;
}

function fastClock(speed: number): Clock {
  return {
    now: () => performance.now() * speed,
    setTimer: (callback, milliseconds) => MONOTONIC_CLOCK.setTimer(callback, milliseconds / speed),
  };
}

/** A whole operator between a fake API server and a fake edge. */
export class Harness {
  readonly api: FakeApiServer;
  readonly edge: FakeEdge;
  readonly client: Client;
  operator: Operator;
  private readonly make: () => Operator;
  /** Of the last leader. */
  term = 1_700_000_000;

  private readonly jumps: { milliseconds: number };

  private constructor(
    api: FakeApiServer,
    edge: FakeEdge,
    client: Client,
    make: () => Operator,
    jumps: { milliseconds: number },
  ) {
    this.api = api;
    this.edge = edge;
    this.client = client;
    this.make = make;
    this.jumps = jumps;
    this.operator = make();
  }

  /** Starts the servers; the operator waits for {@link start}. */
  static async create({ speed = 1, edgeScale }: HarnessOptions = {}): Promise<Harness> {
    const clock = fastClock(speed);
    const api = await startFakeApiServer({ kinds: Object.values(SERVED) });
    const { 'operator.key': operatorKey } = makeOperatorKeys();
    const keys = await makeEdgeKeys(operatorKey, Date.now());
    const edge = await FakeEdge.start(keys, 'edge-uid');
    const wait = (milliseconds: number) => new Promise((resolve) => clock.setTimer(() => resolve(null), milliseconds));
    const client = createHttpClient({ connection: api.connection(), wait });
    const jumps = { milliseconds: 0 };
    const startedAt = Date.now() - clock.now();
    const make = (): Operator =>
      new Operator({
        client,
        identity: { edgeCertificate: keys['tls.crt'], operatorKey },
        edges: { namespace: SYSTEM_NAMESPACE, service: SERVICE },
        publicUrl: 'https://tv.example',
        pod: { image: 'sluice/transcoder:test', pullPolicy: 'Never', edgeUrl: 'http://edge:8081' },
        limits: { perOwner: 5, total: 20 },
        edgeScale: edgeScale ?? null,
        instance: 'operator-0',
        log: createLogger({ name: 'operator', level: 'silent' }),
        metrics: createMetrics(),
        now: steadyClock(() => startedAt + clock.now() + jumps.milliseconds, clock.now),
        clock,
      });
    const harness = new Harness(api, edge, client, make, jumps);
    harness.addEdge(true);
    return harness;
  }

  /** Moves the operator's wall clock; its timers know nothing of that. */
  jumpClock(seconds: number): void {
    this.jumps.milliseconds += seconds * 1000;
  }

  /** Starts the operator, and lets it lead. */
  async start(): Promise<void> {
    await this.operator.start();
    await this.takeOver(this.operator);
  }

  /** Starts another operator, which does not lead. The test has to stop it, or let it {@link takeOver}. */
  async standby(): Promise<Operator> {
    const standby = this.make();
    await standby.start();
    return standby;
  }

  /** Lets an operator lead, with the next term. */
  async takeOver(operator: Operator): Promise<void> {
    this.operator = operator;
    this.term += 1;
    await operator.lead(this.term);
  }

  /** How often an operator has proved itself to the edge. */
  links(): number {
    return this.edge.received.filter(({ type }) => type === 'hello').length;
  }

  /** Resolves when writes that are still on their way have come. */
  async quiet(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  /** Ends the operator and starts another one, as after a crash. */
  async restart(): Promise<void> {
    await this.operator.stop();
    await this.until('the link to end', () => !this.edge.connected);
    this.operator = this.make();
    await this.start();
  }

  async close(): Promise<void> {
    await this.operator.stop();
    await this.client.close();
    await this.edge.close();
    await this.api.close();
  }

  /** Creates the channel `tv/film`, or others with these metadata. @returns its uid */
  addChannel(spec: Partial<ChannelSpecInput> = {}, metadata: JsonObject = {}): string {
    const { metadata: known, ...channel } = channelFixture(spec);
    const { uid: _uid, generation: _generation, ...name } = known;
    const object = { ...channel, metadata: { ...name, ...metadata } } as JsonObject;
    const made = this.api.store.create(SERVED.channels, object, 'kubectl');
    return String((made.metadata as JsonObject).uid);
  }

  /** Makes the edge's EndpointSlice. */
  addEdge(ready: boolean): void {
    const { podName, podUid, linkAddress } = this.edge.endpoint();
    const object = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'edge', namespace: SYSTEM_NAMESPACE, labels: { 'kubernetes.io/service-name': SERVICE } },
      addressType: 'IPv4',
      ports: [
        { name: 'internal', port: 8081 },
        { name: 'link', port: Number(linkAddress.split(':')[1]) },
      ],
      endpoints: [
        { addresses: ['127.0.0.1'], conditions: { ready }, targetRef: { kind: 'Pod', name: podName, uid: podUid } },
      ],
    };
    this.api.store.create(SERVED.slices, object as unknown as JsonObject, 'kube-controller-manager');
  }

  /** The edge tells who watches: ids `first` to `last`, as trusted viewers; as `snapshot` these and nobody else. */
  join(uid: string, first: number, last: number, snapshot = false): void {
    const joined = [];
    for (let id = first; id <= last; id += 1) joined.push({ id: id.toString(16).padStart(16, '0'), trusted: true });
    this.say({ type: 'viewers', uid, snapshot, joined, left: [] });
  }

  /** The edge tells that ids `first` to `last` have left. */
  leave(uid: string, first: number, last: number): void {
    const left = [];
    for (let id = first; id <= last; id += 1) left.push(id.toString(16).padStart(16, '0'));
    this.say({ type: 'viewers', uid, snapshot: false, joined: [], left });
  }

  /** The edge, as owner, reports. */
  report(uid: string, changes: Partial<OwnerReport>): void {
    this.say({ type: 'report', report: reportFixture({ uid, ...changes }) });
  }

  say(...messages: readonly EdgeMessage[]): void {
    this.edge.say(...messages);
  }

  /** The last route that the edge got of a channel; null after its removal. */
  route(uid: string): Route | null {
    let route: Route | null = null;
    for (const message of this.edge.received) {
      if (message.type === 'snapshot') route = message.routes.find((each) => each.uid === uid) ?? null;
      if (message.type === 'route' && message.route.uid === uid) route = message.route;
      if (message.type === 'remove' && message.uid === uid) route = null;
    }
    return route;
  }

  /** The audience of a channel as the edge was told it last. */
  audience(uid: string): Audience | null {
    let audience: Audience | null = null;
    for (const message of this.edge.received) {
      if (message.type === 'snapshot') audience = message.audiences.find((each) => each.uid === uid) ?? null;
      if (message.type === 'audience' && message.audience.uid === uid) audience = message.audience;
    }
    return audience;
  }

  /** A channel as it stands in the API server. */
  channel(name = 'film'): Channel {
    return CHANNEL.parse(this.api.store.get(SERVED.channels, 'tv', name));
  }

  sessions(): readonly StreamSession[] {
    return this.api.store.list(SERVED.sessions).map((raw) => STREAM_SESSION.parse(raw));
  }

  session(name: string): StreamSession | undefined {
    return this.sessions().find(({ metadata }) => metadata.name === name);
  }

  /** How many objects of a kind were ever made by the operator. */
  created(plural: string): number {
    return this.api.requests.filter((one) => one.method === 'POST' && one.plural === plural && one.status === 201)
      .length;
  }

  /** Names of all objects of a kind. */
  names(kind: ServedKind): readonly string[] {
    return this.api.store.list(kind).map(({ metadata }) => String((metadata as JsonObject).name));
  }

  /** Reasons of all events, in the order of their names, which begin with the time. */
  eventReasons(): readonly string[] {
    return this.api.store.list(SERVED.events).map(({ reason }) => String(reason));
  }

  /** Sets the status of a pod, as the kubelet does. */
  podStatus(name: string, status: JsonObject): void {
    this.api.store.update(SERVED.pods, 'tv', name, (pod) => {
      pod.status = status;
    });
  }

  /** Waits until `condition` holds. @throws Error naming `what` after ten seconds */
  async until(what: string, condition: () => boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}
