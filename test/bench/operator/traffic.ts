import { setTimeout as sleep } from 'node:timers/promises';
import type { Mode } from '@sluice/common/link/mode.ts';
import type { Scene } from './cold-start.ts';
import type { Bench } from './ground.ts';
import { channelName, FACTS, viewersOf } from './objects.ts';

/** Viewers that the channels which were idle get: every channel is busy then. */
const BUSY_VIEWERS = 3;
/** Everything is spread over this many steps, as it is with different sources and viewers. */
const STEPS_PER_SECOND = 10;
/** How often an edge tells of each channel where it is. */
const POSITION_SECONDS = 10;
const SEGMENTS = POSITION_SECONDS / FACTS.targetDurationSeconds;
/** Viewers that come or go, per second, anywhere: five minutes of watching for each of 1,000 x 3. */
const CHANGES_PER_SECOND = 20;
/** Channels per second that get their second viewer: each costs a change of mode now and one back later. */
const DECISIONS_PER_SECOND = 2;

/** A Prometheus reads the metrics this often in its own default configuration. */
const SCRAPE_SECONDS = 15;
const TELL_SECONDS = 20;
/** A decision that has not come after this never will. */
const PATIENCE_SECONDS = 30;

/** A channel that is watched, with viewers who come and go. */
export class BusyChannel {
  readonly uid: string;
  /** Whether it stands in Direct with one viewer, so that a second one means a decision. */
  readonly isProbe: boolean;
  readonly #scene: Scene;
  readonly #name: string;
  readonly #usual: number;
  #isFuller = false;

  constructor(scene: Scene, index: number) {
    this.#scene = scene;
    this.#name = channelName(index);
    this.uid = scene.world.uidOf(this.#name);
    this.#usual = viewersOf(index) || BUSY_VIEWERS;
    this.isProbe = this.#usual === 1;
  }

  makeBusy(): void {
    this.#scene.edges.setViewers(this.uid, this.#usual);
    this.#scene.world.expect(this.#name, this.#usual);
  }

  /** One viewer comes, or goes again, without crossing a threshold. */
  change(): void {
    if (this.isProbe) return;
    this.#isFuller = !this.#isFuller;
    const fuller = this.#usual === BUSY_VIEWERS ? BUSY_VIEWERS - 1 : this.#usual + 1;
    this.#scene.edges.setViewers(this.uid, this.#isFuller ? fuller : this.#usual);
  }

  /** A second viewer, or one less again. */
  cross(viewers: 1 | 2): void {
    this.#scene.edges.setViewers(this.uid, viewers);
  }
}

/** What edges say all day. */
export class Traffic {
  readonly #scene: Scene;
  readonly #bench: Bench;
  readonly #channels: readonly BusyChannel[];
  readonly #probes: BusyChannel[];
  readonly #waiting = new Map<string, { readonly mode: Mode; readonly at: number }>();
  readonly #milliseconds: number[] = [];
  #next = 0;
  #changed = 0;

  constructor(scene: Scene, channels: readonly BusyChannel[], bench: Bench) {
    this.#scene = scene;
    this.#bench = bench;
    this.#channels = channels;
    this.#probes = channels.filter(({ isProbe }) => isProbe);
    scene.edges.onRoute = ({ uid, mode }) => {
      const waiting = this.#waiting.get(uid);
      if (waiting?.mode !== mode) return;
      this.#milliseconds.push(performance.now() - waiting.at);
      this.#waiting.delete(uid);
    };
  }

  async run(seconds: number): Promise<void> {
    this.#milliseconds.length = 0;
    const { interruption, progress } = this.#bench;
    const started = performance.now();
    for (let step = 0; step < seconds * STEPS_PER_SECOND; step += 1) {
      interruption.check();
      this.#step(step);
      if (step % (SCRAPE_SECONDS * STEPS_PER_SECOND) === 0) await this.#scene.operator.scrape();
      if (step % (TELL_SECONDS * STEPS_PER_SECOND) === 0)
        progress.note(`    ${step / STEPS_PER_SECOND} of ${seconds} s`);
      await sleep(Math.max(0, started + ((step + 1) * 1000) / STEPS_PER_SECOND - performance.now()));
    }
  }

  /** Waits for what was asked in the last run. @returns ms from word to route of each decision */
  async decisions(): Promise<readonly number[]> {
    const deadline = performance.now() + PATIENCE_SECONDS * 1000;
    while (this.#waiting.size > 0 && performance.now() < deadline) await sleep(100);
    if (this.#waiting.size > 0) throw new Error(`${this.#waiting.size} decisions never reached the edges`);
    return [...this.#milliseconds];
  }

  #step(step: number): void {
    const reports = this.#channels.length / POSITION_SECONDS / STEPS_PER_SECOND;
    for (const channel of this.#rotate(reports)) this.#scene.edges.advance(channel.uid, SEGMENTS);
    for (let count = 0; count < CHANGES_PER_SECOND / STEPS_PER_SECOND; count += 1) {
      this.#changed = (this.#changed + 7) % this.#channels.length; // prime to their number: all have their turn
      this.#channels[this.#changed]?.change();
    }
    if (step % (STEPS_PER_SECOND / DECISIONS_PER_SECOND) === 0) this.#decide();
  }

  #rotate(count: number): readonly BusyChannel[] {
    const from = this.#next;
    this.#next = (from + count) % this.#channels.length;
    return [...this.#channels, ...this.#channels].slice(Math.floor(from), Math.floor(from + count));
  }

  #decide(): void {
    const probe = this.#probes.shift();
    if (probe === undefined) return;
    this.#waiting.set(probe.uid, { mode: 'Proxy', at: performance.now() });
    probe.cross(2);
    // Its way back takes the hysteresis of half a minute; it is not asked again in this measurement.
    setTimeout(() => probe.cross(1), 1000).unref();
  }
}
