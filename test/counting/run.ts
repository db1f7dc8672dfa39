import { testRoute } from '@sluice/edge/testing/route.ts';
import type { Decision, DeliverySpec, PreviousDecision } from '@sluice/operator/channel/decision.ts';
import { isBelow } from '@sluice/operator/channel/mode.ts';
import { modeForAudience } from '@sluice/operator/channel/situation.ts';
import { type Habits, type Refusals, VirtualAudience } from './audience.ts';
import { Chance } from './chance.ts';
import { type CountingErrors, countingErrors } from './errors.ts';
import { Network } from './network.ts';
import { Truth } from './truth.ts';
import { VirtualTime } from './virtual-time.ts';

/** How often the count is compared with the truth. */
const SAMPLE_MS = 200;
/** What is on its way from an edge: two bundles of changes and the link. */
const IN_FLIGHT_MS = 400;
/** The last fault is mended, all evidence has expired, and the viewers of edges that are gone too. */
const QUIET_MS = 100_000;
const START_MS = Date.parse('2026-01-01T00:00:00Z');
const ROUTE = testRoute('http://source.test/index.m3u8', { namespace: 'tv', uid: 'uid-film', ladder: [] });

/** The operator's count beside the truth at one moment. */
export interface Sample {
  readonly atMs: number;
  readonly state: 'known' | 'stale' | 'unknown';
  /** By the operator. */
  readonly viewers: number;
  /** By the rules, in one place. */
  readonly counted: number;
  readonly countedTrusted: number;
  readonly watching: number;
}

/** A step down that the truth does not justify. */
export interface WrongDemotion {
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  /** The most in the window who watched and whom the rules counted. */
  readonly viewers: number;
  readonly trusted: number;
}

/** A sidecar dies and is started again; its link to the operator is cut; its pod is replaced; the operator dies. */
const FAULTS = ['crash', 'cut', 'replace', 'operator'] as const;
/** One of {@link FAULTS}. */
export type Fault = (typeof FAULTS)[number];

/** What a run is made of. */
export interface RunOptions {
  readonly seed: number;
  readonly edges: number;
  readonly habits?: Partial<Habits>;
  readonly spec?: Partial<DeliverySpec>;
  /** Viewers that the channel may have; as many as come if left out. */
  readonly maxViewers?: number;
}

const HABITS: Habits = {
  page: 0.6,
  crash: 0.2,
  reload: 0.2,
  secondTab: 0.1,
  qualityChange: 0.1,
  roaming: 0.5,
  meanStaySeconds: 60,
};

const SPEC: DeliverySpec = {
  minimumMode: 'Idle',
  maximumMode: 'Transcode',
  proxyThreshold: 2,
  transcodeThreshold: 4,
  hysteresisSeconds: 10,
};

/** A channel, its edges, its operator and its audience in virtual time, with the count watched all the time. */
export class CountingRun {
  readonly chance: Chance;
  readonly network: Network;
  readonly audience: VirtualAudience;
  readonly samples: Sample[] = [];
  readonly wrongDemotions: WrongDemotion[] = [];
  readonly refusals: Refusals = { turnedAway: 0, harmed: 0 };
  demotions = 0;
  readonly #time = new VirtualTime(START_MS);
  readonly #truth = new Truth();
  readonly #spec: DeliverySpec;
  #judgedFromMs = START_MS;

  constructor({ seed, edges, habits, spec, maxViewers }: RunOptions) {
    this.chance = new Chance(seed);
    this.#spec = { ...SPEC, ...spec };
    const time = this.#time;
    const route = maxViewers === undefined ? ROUTE : { ...ROUTE, maxViewers };
    this.network = new Network({
      time,
      route,
      spec: this.#spec,
      edges,
      onDecision: (before, decision) => this.#judge(before, decision),
    });
    this.audience = new VirtualAudience({
      ...{ time, chance: this.chance, network: this.network, truth: this.#truth, route, refusals: this.refusals },
      habits: { ...HABITS, ...habits },
    });
    time.every(SAMPLE_MS, () => this.#sample());
  }

  /** Lets time pass. */
  play(seconds: number): void {
    this.#time.advance(1000 * seconds);
  }

  /** Lets edges, links and the operator fail for so long, every few seconds one of them; one edge always stays. */
  disturb(seconds: number, everySeconds: number, faults: readonly Fault[] = FAULTS): void {
    const end = this.#time.now() + 1000 * seconds;
    const fail = (): void => {
      if (this.#time.now() >= end) return;
      this.#failOnce(faults);
      this.#time.setTimer(fail, this.chance.waitFor(1000 * everySeconds));
    };
    this.#time.setTimer(fail, this.chance.waitFor(1000 * everySeconds));
    this.play(seconds);
  }

  /** Nobody comes or goes, nothing fails, until all that was in motion has come to rest. @returns the count and the truth then */
  rest(): Sample {
    this.audience.rest();
    this.#time.advance(QUIET_MS);
    return this.now();
  }

  now(): Sample {
    const atMs = this.#time.now();
    const count = this.network.operator?.count();
    const { state = 'unknown', viewers = 0 } = count ?? {};
    const truth = this.#truth.counted(atMs);
    const { watching } = this.#truth;
    return { atMs, state, viewers, counted: truth.viewers, countedTrusted: truth.trusted, watching };
  }

  /** What was before is no matter of {@link errors}. */
  judgeFromNow(): void {
    this.#judgedFromMs = this.#time.now();
  }

  /** How far the known counts were from the truth. */
  errors(): CountingErrors {
    return countingErrors(this.samples, this.#judgedFromMs, IN_FLIGHT_MS / SAMPLE_MS);
  }

  /** The most whom the rules counted at one time since {@link judgeFromNow}. */
  mostCounted(): number {
    return this.#judged().reduce((most, { counted }) => Math.max(most, counted), 0);
  }

  /** How many the rules counted on average since {@link judgeFromNow}. */
  meanCounted(): number {
    const judged = this.#judged();
    return judged.reduce((sum, { counted }) => sum + counted, 0) / Math.max(1, judged.length);
  }

  #judged(): readonly Sample[] {
    return this.samples.filter(({ atMs }) => atMs >= this.#judgedFromMs);
  }

  #failOnce(faults: readonly Fault[]): void {
    const { network, chance } = this;
    const podUid = chance.of(network.podUids) ?? '';
    const fault = chance.of(faults);
    if (fault === 'operator') network.restartOperator(chance.between(200, 5_000));
    else if (fault === 'cut') network.cut(podUid, chance.between(500, 20_000));
    else if (network.open.length > 1 && fault === 'crash') network.crash(podUid);
    else if (network.open.length > 1) {
      network.removePod(podUid);
      network.addPod();
    }
  }

  #sample(): void {
    this.samples.push(this.now());
  }

  /**
   * A delayed step down is right if, all the window long, too few watched whom the rules count too; what the count learns
   * late is granted at both ends.
   */
  #judge(before: PreviousDecision, decision: Decision): void {
    if (!isBelow(decision.mode, before.mode)) return;
    this.demotions += 1;
    const atMs = this.#time.now();
    const from = atMs - 1000 * this.#spec.hysteresisSeconds + IN_FLIGHT_MS + SAMPLE_MS;
    const most = { viewers: 0, trusted: 0 };
    for (let index = this.samples.length - 1; index >= 0; index -= 1) {
      const sample = this.samples[index];
      if (sample === undefined || sample.atMs < from) break;
      if (sample.atMs > atMs - IN_FLIGHT_MS) continue;
      most.viewers = Math.max(most.viewers, Math.min(sample.counted, sample.watching));
      most.trusted = Math.max(most.trusted, Math.min(sample.countedTrusted, sample.watching));
    }
    const deserved = modeForAudience({ state: 'known', ...most, alive: most.trusted }, this.#spec);
    if (isBelow(decision.mode, deserved)) {
      this.wrongDemotions.push({ atMs: atMs - START_MS, from: before.mode, to: decision.mode, ...most });
    }
  }
}
