import { setTimeout as sleep } from 'node:timers/promises';
import { type Crowd, type CrowdOptions, startCrowd } from '../viewer/crowd.ts';
import type { CrowdReport } from '../viewer/crowd-tally.ts';
import { createLightClients } from '../viewer/light-client.ts';
import type { OwnLateness } from '../viewer/own-lateness.ts';
import { type Endpoint, VirtualService } from '../viewer/virtual-service.ts';
import { BUSY, NAMESPACE, QUIET, RUNG } from './stage.ts';

/** Share of the busy channel's viewers that stay for the whole soak; the others come and go together. */
const STAYING_SHARE = 0.7;
/** The threshold for Transcode lies between those who stay and all of them. */
const THRESHOLD_SHARE = 0.85;
/** A page that is watched for two minutes in the mean, and a third of the viewers who never say goodbye. */
const CHURN = { meanStaySeconds: 120, crashShare: 0.33, random: Math.random };
/** How long the others watch, and how long they are away; no divisor of a minute, so that owners end in all modes. */
const WAVE_SECONDS = { here: 50, away: 35 } as const;
/** How long it takes until all have come. */
const ARRIVAL_SECONDS = 15;
/** Viewers who hold each playlist against the rules of RFC 8216bis, of each crowd. */
const CHECKS = 10;
/** Viewers whose requests go to one edge after the other. */
const NOMADS = 3;

/** Viewers of the busy channel at which it is transcoded. */
export function transcodeThreshold(viewers: number): number {
  return Math.round(viewers * THRESHOLD_SHARE);
}

/** Everybody who watches. */
export class Audience {
  readonly #edges = new VirtualService('edges');
  readonly #eachEdge = new VirtualService('edges', { keepsConnections: false });
  readonly #clients = createLightClients(undefined, this.#edges);
  readonly #crowds: Crowd[] = [];
  readonly #stopping = new AbortController();
  readonly #tell: (trouble: string) => void;
  readonly #lateness: OwnLateness;
  #waves: Promise<void> | null = null;

  /**
   * @param tell is told of each stall and each problem, in words
   * @param lateness when this process itself was late
   */
  constructor(tell: (trouble: string) => void, lateness: OwnLateness) {
    this.#tell = tell;
    this.#lateness = lateness;
  }

  /** Edges that new connections go to. */
  set endpoints(endpoints: readonly Endpoint[]) {
    this.#edges.endpoints = endpoints;
    this.#eachEdge.endpoints = endpoints;
  }

  connectionsTo(host: string): number {
    return this.#edges.connectionsTo(host) + this.#eachEdge.connectionsTo(host);
  }

  start(viewers: number): void {
    const staying = Math.round(viewers * STAYING_SHARE);
    this.#add({ channel: BUSY, rung: RUNG, count: staying, sessionPrefix: 'stays', churn: CHURN, checks: CHECKS });
    this.#add({ channel: QUIET, rung: 'source', count: 1, sessionPrefix: 'alone', checks: 1 });
    const createClient = createLightClients(undefined, this.#eachEdge);
    this.#add({ channel: BUSY, rung: RUNG, count: NOMADS, sessionPrefix: 'nomad', checks: NOMADS, createClient });
    this.#waves = this.#comeAndGo(viewers - staying);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#waves;
    await Promise.all(this.#crowds.map((crowd) => crowd.stop()));
  }

  /** All crowds together, those that have gone included. */
  report(): CrowdReport {
    return this.#crowds.map((crowd) => crowd.report()).reduce(sumOf);
  }

  async #comeAndGo(viewers: number): Promise<void> {
    const { signal } = this.#stopping;
    for (let wave = 1; !signal.aborted; wave += 1) {
      await sleep(WAVE_SECONDS.away * 1000, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const sessionPrefix = `wave-${wave}`;
      const crowds = [
        this.#add({ channel: BUSY, rung: RUNG, count: viewers, sessionPrefix, checks: CHECKS }),
        this.#add({ channel: QUIET, rung: 'source', count: 2, sessionPrefix, checks: 2 }),
      ];
      await sleep(WAVE_SECONDS.here * 1000, undefined, { signal }).catch(() => {});
      await Promise.all(crowds.map((crowd) => crowd.stop()));
    }
  }

  #add(options: Pick<CrowdOptions, 'channel' | 'rung' | 'count' | 'sessionPrefix'> & Partial<CrowdOptions>): Crowd {
    const arrivalsPerSecond = Math.max(1, options.count / ARRIVAL_SECONDS);
    const all = {
      tell: this.#tell,
      lateness: this.#lateness,
      fetchesSegments: true,
      heartbeats: true,
      createClient: this.#clients,
      arrivalsPerSecond,
    };
    const crowd = startCrowd({ edgeUrl: `http://${this.#edges.host}`, namespace: NAMESPACE, ...all, ...options });
    this.#crowds.push(crowd);
    return crowd;
  }
}

function sumOf(one: CrowdReport, other: CrowdReport): CrowdReport {
  return {
    present: one.present + other.present,
    playing: one.playing + other.playing,
    polls: one.polls + other.polls,
    segments: one.segments + other.segments,
    bytes: one.bytes + other.bytes,
    stalls: one.stalls + other.stalls,
    stalledSeconds: one.stalledSeconds + other.stalledSeconds,
    ownStalls: one.ownStalls + other.ownStalls,
    slowestSegmentSeconds: Math.max(one.slowestSegmentSeconds, other.slowestSegmentSeconds),
    problems: one.problems + other.problems,
    lostConnections: one.lostConnections + other.lostConnections,
    lastProblem: other.problems > other.lostConnections ? other.lastProblem : one.lastProblem || other.lastProblem,
  };
}
