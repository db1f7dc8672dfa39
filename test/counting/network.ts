import type { Route } from '@sluice/common/link/route.ts';
import type { Decision, DeliverySpec, PreviousDecision } from '@sluice/operator/channel/decision.ts';
import { EdgeProcess } from './edge.ts';
import { OperatorProcess } from './operator.ts';
import type { VirtualTime } from './virtual-time.ts';

/** One way on the link, with encryption and a busy event loop at either end. */
const LINK_DELAY_MS = 10;
/** From the loss of a link to the next: the operator's first back-off. */
const REDIAL_MS = 200;
/** A sidecar that is started again in its pod. */
const RESTART_MS = 1_500;

interface Pod {
  readonly podUid: string;
  /** null while the container is down. */
  process: EdgeProcess | null;
  /** Frames of an earlier connection never arrive. */
  connection: number;
  isLinked: boolean;
  /** The operator cannot reach it. */
  isCut: boolean;
}

/** What a network is made of. */
export interface NetworkOptions {
  readonly time: VirtualTime;
  readonly route: Route;
  readonly spec: DeliverySpec;
  readonly edges: number;
  readonly onDecision: (before: PreviousDecision, decision: Decision) => void;
}

/** Edges and their operator with links between them that can be cut, and processes that can die. */
export class Network {
  readonly #options: NetworkOptions;
  readonly #pods = new Map<string, Pod>();
  readonly #sessionKey = Buffer.alloc(32, 7);
  #operator: OperatorProcess | null = null;
  #serial = 0;

  constructor(options: NetworkOptions) {
    this.#options = options;
    for (let index = 0; index < options.edges; index += 1) this.addPod();
    this.#startOperator({ mode: 'Idle', sinceMs: options.time.now(), pending: null });
  }

  get operator(): OperatorProcess | null {
    return this.#operator;
  }

  /** Edges that take requests. */
  get open(): readonly EdgeProcess[] {
    return [...this.#pods.values()].flatMap(({ process }) => (process === null ? [] : [process]));
  }

  get podUids(): readonly string[] {
    return [...this.#pods.keys()];
  }

  addPod(): void {
    const podUid = `edge-${this.#serial}`;
    const pod: Pod = { podUid, process: null, connection: 0, isLinked: false, isCut: false };
    this.#pods.set(podUid, pod);
    this.#start(pod, false);
    this.#operator?.edgeSeen(podUid, true);
    this.#dial(pod);
  }

  /** The pod ends and its endpoint goes: viewers go elsewhere. */
  removePod(podUid: string): void {
    const pod = this.#pods.get(podUid);
    if (pod === undefined) return;
    this.#unlink(pod);
    pod.process?.stop();
    pod.process = null;
    this.#pods.delete(podUid);
    this.#operator?.edgeGone(podUid);
  }

  /** The sidecar dies and comes back in its pod, with nothing in its memory. */
  crash(podUid: string): void {
    const pod = this.#pods.get(podUid);
    if (pod === undefined || pod.process === null) return;
    this.#unlink(pod);
    pod.process.stop();
    pod.process = null;
    this.#options.time.setTimer(() => {
      if (!this.#pods.has(podUid)) return;
      this.#start(pod, true);
    }, RESTART_MS);
  }

  /** The operator cannot reach the edge for so long; viewers can. */
  cut(podUid: string, milliseconds: number): void {
    const pod = this.#pods.get(podUid);
    if (pod === undefined) return;
    this.#unlink(pod);
    pod.isCut = true;
    this.#options.time.setTimer(() => {
      pod.isCut = false;
    }, milliseconds);
  }

  /** The operator dies; another one takes over after so long, with what the Channel's status says. */
  restartOperator(milliseconds: number): void {
    const previous = this.#operator?.decision;
    if (previous === undefined) return;
    for (const pod of this.#pods.values()) this.#unlink(pod);
    this.#operator?.stop();
    this.#operator = null;
    // A pending change is not in the status: its window opens anew.
    this.#options.time.setTimer(() => this.#startOperator({ ...previous, pending: null }), milliseconds);
  }

  #startOperator(previous: PreviousDecision): void {
    const { time, route, spec, onDecision } = this.#options;
    const send = (podUid: string, frame: string): void => {
      for (const pod of this.#pods.values()) {
        if (podUid === '*' || podUid === pod.podUid) this.#down(pod, (process) => process.receive(frame));
      }
    };
    this.#operator = new OperatorProcess({ time, route, spec, previous, send, onDecision });
    for (const pod of this.#pods.values()) {
      this.#operator.edgeSeen(pod.podUid, true);
      this.#dial(pod);
    }
  }

  #start(pod: Pod, isRestart: boolean): void {
    this.#serial += 1;
    const { route, time } = this.#options;
    pod.process = new EdgeProcess({
      ...{ podUid: pod.podUid, instance: `start-${this.#serial}`, isRestart, route, time },
      sessionKey: this.#sessionKey,
    });
  }

  #dial(pod: Pod): void {
    const { time } = this.#options;
    const operator = this.#operator;
    if (operator === null || pod.isLinked || !this.#pods.has(pod.podUid)) return;
    const process = pod.process;
    if (process === null || pod.isCut) {
      time.setTimer(() => {
        if (this.#operator === operator) this.#dial(pod);
      }, REDIAL_MS);
      return;
    }
    pod.connection += 1;
    pod.isLinked = true;
    const { connection } = pod;
    const send = (frame: string): void => {
      time.setTimer(() => {
        if (pod.connection === connection && pod.isLinked) this.#operator?.receive(pod.podUid, frame);
      }, LINK_DELAY_MS);
    };
    operator.edgeConnected(pod.podUid, JSON.stringify(process.challenge()));
    this.#down(pod, () => process.connected(send));
  }

  #down(pod: Pod, deliver: (process: EdgeProcess) => void): void {
    const { connection, process, isLinked } = pod;
    if (process === null || !isLinked) return;
    this.#options.time.setTimer(() => {
      if (pod.connection === connection && pod.isLinked && pod.process === process) deliver(process);
    }, LINK_DELAY_MS);
  }

  #unlink(pod: Pod): void {
    if (!pod.isLinked) return;
    pod.isLinked = false;
    pod.process?.disconnected();
    this.#operator?.edgeLost(pod.podUid);
    const operator = this.#operator;
    this.#options.time.setTimer(() => {
      if (this.#operator === operator) this.#dial(pod);
    }, REDIAL_MS);
  }
}
