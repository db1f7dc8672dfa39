import { setTimeout as sleep } from 'node:timers/promises';
import { durationText } from '../cluster/progress.ts';
import { channelStatus } from '../e2e/channel-state.ts';
import { createLightClients } from '../viewer/light-client.ts';
import { OwnLateness } from '../viewer/own-lateness.ts';
import { VirtualService } from '../viewer/virtual-service.ts';
import type { SoakArguments } from './arguments.ts';
import { Audience } from './audience.ts';
import { connectedTo, type EdgePod, edgePods } from './edges.ts';
import { Holdings } from './holdings.ts';
import { Listings } from './listings.ts';
import { type KilledOwner, killOwner } from './owner-killer.ts';
import { BUSY, NAMESPACE, type Stage } from './stage.ts';
import type { Outcome } from './verdict.ts';

/** Readiness reaches the nodes of a cluster within about this; a connection that is refused goes elsewhere at once. */
const LOOK_MILLISECONDS = 500;
const LINE_SECONDS = 10;
/** A fault that all viewers see is told once, not thousands of times. */
const MOST_TROUBLES = 5;
/** All viewers have come, and buffers are full. */
const FIRST_KILL_SECONDS = 45;
/** The last owner must have been followed by another before the end. */
const LAST_KILL_BEFORE_END_SECONDS = 30;
/** Of an edge: nginx and the sidecar. */
const CONTAINERS = 2;
/** Port of an edge for viewers. */
const HTTP_PORT = 8080;

/** One soak: what it watches all the time. */
export class Soak {
  readonly #stage: Stage;
  readonly #arguments: SoakArguments;
  readonly #print: (line: string) => void;
  readonly #audience: Audience;
  readonly #any = new VirtualService('edges');
  readonly #lateness = new OwnLateness();
  readonly #holdings: Holdings;
  readonly #listings = new Listings();
  readonly #sourceListings = new Listings();
  readonly #kills: KilledOwner[] = [];
  /** Process groups of killed containers: what is known of their pods may be from before. */
  readonly #killed = new Set<number>();
  readonly #stopping = new AbortController();
  readonly #startedAt = performance.now();
  #edges: readonly EdgePod[] = [];
  #mode = '';
  #switches = 0;
  /** Since the last line. */
  #troubles = 0;
  /** Looks in a row that found two edges at the source, and the longest row. */
  #doubled = 0;
  #longestDoubled = 0;

  constructor(stage: Stage, options: SoakArguments, print: (line: string) => void) {
    this.#stage = stage;
    this.#arguments = options;
    this.#print = print;
    this.#holdings = new Holdings(stage.heldFolder);
    this.#audience = new Audience((trouble) => this.#tell(trouble), this.#lateness);
  }

  /** Runs for as long as was asked for. */
  async run(): Promise<Outcome> {
    await this.#look();
    this.#lateness.start();
    const client = createLightClients(undefined, this.#any)();
    const playlist = `http://${this.#any.host}/live/${NAMESPACE}/${BUSY}/source.m3u8?session=listings`;
    const { signal } = this.#stopping;
    const watching = [
      this.#keepLooking(),
      this.#listings.watch(playlist, client, signal),
      this.#sourceListings.watch(this.#stage.sourceUrl, client, signal),
    ];
    this.#audience.start(this.#arguments.viewers);
    const seconds = this.#arguments.minutes * 60;
    let killAt = this.#arguments.killSeconds === 0 ? Number.POSITIVE_INFINITY : FIRST_KILL_SECONDS;
    for (let line = 1; this.#second() < seconds; ) {
      await sleep(LOOK_MILLISECONDS);
      if (this.#second() >= killAt && killAt < seconds - LAST_KILL_BEFORE_END_SECONDS && (await this.#kill()))
        killAt += this.#arguments.killSeconds;
      if (this.#second() < line * LINE_SECONDS) continue;
      line = Math.floor(this.#second() / LINE_SECONDS) + 1;
      this.#holdings.take(Math.round(this.#second()), this.#stage.operatorPid, this.#edges, (host) =>
        this.#audience.connectionsTo(host),
      );
      this.#print(this.#line());
      this.#troubles = 0;
    }
    const report = this.#audience.report();
    this.#lateness.stop();
    this.#stopping.abort();
    await Promise.all([...watching, this.#audience.stop()]);
    await client.close();
    const { all: listings } = this.#listings;
    const lastListingSeconds = (performance.now() - (listings.at(-1)?.atMilliseconds ?? 0)) / 1000;
    const doubledSeconds = (this.#longestDoubled * LOOK_MILLISECONDS) / 1000;
    const seen = { switches: this.#switches, doubledSeconds, lateSeconds: this.#lateness.longest / 1000 };
    const listed = { listings, sourceListings: this.#sourceListings.all, lastListingSeconds };
    return { report, lives: this.#holdings.lives, kills: this.#kills, ...listed, ...seen };
  }

  async #keepLooking(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#look().catch((error: unknown) => this.#print(`${this.#time()}    ${String(error)}`));
      await sleep(LOOK_MILLISECONDS, undefined, { signal: this.#stopping.signal }).catch(() => {});
    }
  }

  /** Where viewers are sent, who owns the channel, and what mode it is in. */
  async #look(): Promise<void> {
    const { platform, sourceAddress } = this.#stage;
    this.#edges = await edgePods(platform);
    this.#route();
    this.#doubled = connectedTo(this.#edges, sourceAddress).length > 1 ? this.#doubled + 1 : 0;
    this.#longestDoubled = Math.max(this.#longestDoubled, this.#doubled);
    const mode = (await channelStatus(platform, NAMESPACE, BUSY))?.mode ?? '';
    if (mode !== this.#mode && this.#mode !== '') this.#switches += 1;
    this.#mode = mode;
  }

  /** Sends new connections to the edges that are ready. */
  #route(): void {
    const endpoints = this.#readyEdges().map(({ address }) => ({ host: address, port: HTTP_PORT }));
    this.#audience.endpoints = endpoints;
    this.#any.endpoints = endpoints;
  }

  /**
   * A pod whose container has ended is not ready until all of them run and are: in a cluster Services know that before the
   * kubelet has started it again, which takes a moment there and none here.
   */
  #readyEdges(): readonly EdgePod[] {
    return this.#edges.filter(
      ({ isReady, groups }) =>
        isReady && groups.size === CONTAINERS && [...groups.values()].every((group) => !this.#killed.has(group)),
    );
  }

  /** @returns whether there was an owner to kill */
  async #kill(): Promise<boolean> {
    const before = this.#kills.length;
    await killOwner(this.#stage, before % 2 === 1, (killed) => {
      this.#kills.push(killed);
      for (const group of killed.groups) this.#killed.add(group);
      this.#route();
      this.#print(`${this.#time()}    killed the owner ${killed.name} ${killed.how}, mode ${this.#mode}`);
    }).catch((error: unknown) => this.#print(`${this.#time()}    ${String(error)}`));
    return this.#kills.length > before;
  }

  /** Prints a trouble; of many only the first between two lines. */
  #tell(trouble: string): void {
    this.#troubles += 1;
    if (this.#troubles <= MOST_TROUBLES) this.#print(`${this.#time()}    ${trouble}`);
  }

  #second(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  #time(): string {
    return durationText(Math.floor(this.#second())).padStart(12);
  }

  #line(): string {
    const { present, segments, stalls, problems, lostConnections } = this.#audience.report();
    const ready = this.#readyEdges().length;
    const owner = connectedTo(this.#edges, this.#stage.sourceAddress).map(({ name }) => name);
    const held = this.#holdings.lives.flatMap(({ name, holdings }) => {
      const last = holdings.at(-1);
      const isNow = last !== undefined && last.second > this.#second() - LINE_SECONDS / 2;
      return isNow && / sidecar$|^operator$/.test(name) ? [last.heldMegabytes.toFixed(0)] : [];
    });
    return [
      `${this.#time()}  ${present} viewers  ${this.#mode}  ${segments} segments  ${stalls} stalls`,
      `${problems - lostConnections} errors  ${lostConnections} lost  ${ready} edges ready  owner ${owner.join(' and ') || 'none'}`,
      `operator and sidecars ${held.join(', ')} MB`,
    ].join('  ');
  }
}
