import type { SluiceError } from '@sluice/common/errors/error.ts';
import type { SourceHealth } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { SourceFacts } from '@sluice/common/link/source-facts.ts';
import type { SourceClient } from '../source/client.ts';
import { EncryptionSeen } from '../source/encryption.ts';
import {
  containerChange,
  directObstacle,
  newestMedia,
  type SegmentSample,
  sampleOf,
  transcodeObstacle,
} from '../source/facts.ts';
import { factsFoundAgain } from '../source/found-again.ts';
import { type Intake, intake, type KnownSegment, markOf, remember } from '../source/intake.ts';
import { keyObstacle } from '../source/key-access.ts';
import type { SourcePlaylist } from '../source/parse.ts';
import type { ProbeResult } from '../source/probe.ts';
import { createReplayingFollower } from '../source/replay.ts';
import type { Clock } from './clock.ts';
import type { Obstacles } from './mode.ts';
import { followerOf, probeOnce, probeUntilFound } from './probing.ts';
import { SecondLook } from './second-look.ts';
import { SourceCondition } from './source-condition.ts';
import { watchSource } from './watch.ts';

/** What a source side tells its channel. */
export interface SourceSideEvents {
  taken(taken: Exclude<Intake, { kind: 'stale' }>, playlist: SourcePlaylist, at: number, before: number | null): void;
  /** Whether something is listed of what was taken. */
  hasListed(): boolean;
  /** When the source was looked at, in the rhythm of what was published; null: nothing was since the channel woke. */
  lookedAt(): number | null;
  /** Of the playlists, fixed since there are any; null before. */
  targetDurationSeconds(): number | null;
  /** Facts, health or obstacles have changed. */
  changed(): void;
  /** Nothing can be read; `failures` in a row. */
  failed(error: SluiceError, failures: number): void;
}

/** One channel's view of its source: facts, health, and what has been taken of it. */
export class SourceSide {
  readonly #client: SourceClient;
  readonly #clock: Clock;
  readonly #events: SourceSideEvents;
  #route: Route;
  #facts: SourceFacts | null;
  #sample: SegmentSample | null = null;
  #encryption = new EncryptionSeen();
  readonly #secondLook: SecondLook;
  readonly #condition: SourceCondition;
  #known: readonly KnownSegment[];
  #looksBehind = 0;
  /** What comes next is not of the source that `known` is of. */
  #otherSource: boolean;
  #awake = false;
  #stopWatch: (() => void) | null = null;
  #stopProbe: (() => void) | null = null;

  /** `known` is null where the stored timeline is of another source. */
  constructor(
    route: Route,
    known: readonly KnownSegment[] | null,
    client: SourceClient,
    clock: Clock,
    events: SourceSideEvents,
  ) {
    this.#route = route;
    this.#facts = route.source.facts;
    this.#known = known ?? [];
    this.#otherSource = known === null;
    this.#client = client;
    this.#clock = clock;
    this.#events = events;
    this.#condition = new SourceCondition({ facts: () => this.#facts, changed: () => events.changed() });
    this.#secondLook = new SecondLook(clock, (ended) =>
      probeOnce(this.#probing, (result) => ended(result !== null && this.#foundAgain(result))),
    );
  }

  get facts(): SourceFacts | null {
    return this.#facts;
  }

  get health(): SourceHealth {
    return this.#condition.health;
  }

  get known(): readonly KnownSegment[] {
    return this.#known;
  }

  get obstacles(): Obstacles {
    return {
      direct: directObstacle(this.#route, this.#facts, this.#sample),
      transcode: transcodeObstacle(this.#facts, this.#sample),
    };
  }

  /** Takes a changed route; another source or other headers begin anew, another source with another probe. */
  update(route: Route): void {
    const { source } = this.#route;
    this.#route = route;
    const same =
      source.uri === route.source.uri && JSON.stringify(source.headers) === JSON.stringify(route.source.headers);
    if (same) {
      if (!this.#otherSource) this.#facts ??= route.source.facts;
      return;
    }
    this.stop();
    if (source.uri !== route.source.uri) {
      // The route's are still those of the source before.
      this.#facts = null;
      this.#sample = null;
      this.#encryption = new EncryptionSeen();
      this.#otherSource = true;
    }
    this.#condition.forget();
    this.run(this.#awake);
  }

  /** Probes the source if its facts are unknown; while `awake` follows it as well. */
  run(awake: boolean): void {
    this.#awake = awake;
    if (this.#facts === null) {
      if (this.#stopProbe === null) this.#probe();
      return;
    }
    if (awake && this.#stopWatch === null) this.#watch();
    if (!awake && this.#stopWatch !== null) {
      this.#stopWatch();
      this.#stopWatch = null;
    }
  }

  /**
   * A segment was published; `complete`: with what all other renditions have of it; `encryption`: the scheme that its section
   * names, which may be news: a packager that was started again has another section.
   */
  published(complete: boolean, encryption: string | null): void {
    this.#secondLook.published(complete);
    if (encryption === null || this.#facts === null || this.#facts.encryption === encryption) return;
    this.#facts = { ...this.#facts, encryption };
    this.#events.changed();
  }

  /** Nobody watches, and nothing is listed any more: what was found long ago may be looked at again. */
  forgotten(): void {
    if (this.#facts !== null && !this.#awake) this.#secondLook.asleep(Date.parse(this.#facts.probedAt));
  }

  /** Forgets the source's segments from this number on: they will be taken again. */
  rewind(nextMsn: number): void {
    this.#known = this.#known.filter((one) => one.msn < nextMsn);
  }

  /** Ends probe and watch. */
  stop(): void {
    this.#stopProbe?.();
    this.#stopWatch?.();
    this.#secondLook.stop();
    this.#stopProbe = null;
    this.#stopWatch = null;
  }

  /** A segment could not be read or stored (null: one could): a degradation, because others may still come. */
  segmentTrouble(error: SluiceError | null): void {
    if (error === null) this.#condition.recovered();
    else this.#condition.failed(error, 'degraded');
  }

  get #probing() {
    return { client: this.#client, clock: this.#clock, source: this.#route.source };
  }

  #probe(): void {
    this.#stopProbe = probeUntilFound(this.#probing, {
      found: (result) => {
        this.#stopProbe = null;
        this.#found(result);
        this.run(this.#awake);
      },
      failed: (error, failures) => this.#fail(error, failures),
    });
  }

  #found({ facts, sample }: ProbeResult): void {
    this.#facts = facts;
    this.#sample = sample;
    this.#condition.delivers();
    this.#events.changed();
  }

  /** @returns whether that is news */
  #foundAgain(result: ProbeResult): boolean {
    if (this.#facts === null) return false;
    if (!this.#awake && !this.#events.hasListed()) {
      this.#found(result);
      return true;
    }
    const facts = factsFoundAgain(this.#facts, result.facts);
    if (facts === null) return false;
    this.#facts = facts;
    this.#events.changed();
    if (this.#stopWatch !== null) {
      this.#stopWatch();
      this.#watch();
    }
    return true;
  }

  #watch(): void {
    this.#condition.watched(this.#clock.now());
    this.#looksBehind = 0;
    const plain = followerOf(this.#probing, this.#facts?.renditions ?? [], this.#known.at(-1)?.msn ?? null);
    const follower = createReplayingFollower(plain, this.#clock.now, (one) => this.#resumeAt(one));
    const rhythmAt = this.#events.lookedAt();
    this.#stopWatch = watchSource(
      follower,
      { clock: this.#clock, rhythmAt, targetDurationSeconds: () => this.#events.targetDurationSeconds() },
      {
        onLook: (playlist, at, before) => this.#looked(playlist, at, before),
        onFailure: (error, failures) => this.#fail(error, failures),
      },
    );
  }

  /** Index at which a source that has ended goes on behind what is listed of it; null where nothing is any more. */
  #resumeAt({ segments }: SourcePlaylist): number | null {
    const last = this.#known.at(-1);
    const index =
      last === undefined ? -1 : segments.findIndex((one) => one.msn === last.msn && markOf(one) === last.mark);
    if (index >= 0 && this.#events.hasListed()) return index + 1;
    this.#known = [];
    return null;
  }

  #fail(error: SluiceError, failures: number): void {
    // One failed look is common behind load balancers; two in a row, or an answer that will not change, are an outage.
    this.#condition.failed(error, failures > 1 || !error.retryable ? 'down' : 'degraded');
    this.#events.failed(error, failures);
  }

  #looked(playlist: SourcePlaylist | null, at: number, before: number | null): void {
    if (playlist === null) {
      this.#condition.nothingNew(at);
      return;
    }
    const newest = newestMedia(playlist);
    const changed = newest === undefined || this.#facts === null ? null : containerChange(this.#facts, newest);
    const obstacle = changed ?? keyObstacle(this.#route, playlist);
    if (obstacle !== null) {
      this.#fail(obstacle, 1);
      return;
    }
    const taken: Intake = this.#otherSource
      ? { kind: 'restart', segments: playlist.segments }
      : intake(this.#known, playlist, this.#looksBehind);
    if (taken.kind !== 'stale' && taken.segments.length > 0) this.#otherSource = false;
    this.#looksBehind = taken.kind === 'stale' ? this.#looksBehind + 1 : 0;
    this.#condition.read(playlist, this.#events.targetDurationSeconds());
    if (taken.kind === 'stale' || taken.segments.length === 0) {
      this.#condition.nothingNew(at);
      if (taken.kind === 'stale') return;
    } else {
      this.#condition.delivers(at);
    }
    this.#known = remember(this.#known, taken);
    this.#learn(playlist);
    this.#events.taken(taken, playlist, at, before);
  }

  /** Facts that a single probe may have seen too early, and the URLs that viewers would see in Direct. */
  #learn(playlist: SourcePlaylist): void {
    const before = JSON.stringify(this.obstacles);
    const newest = newestMedia(playlist);
    const encryption = this.#encryption.look(playlist, this.#clock.now());
    if (newest !== undefined) this.#sample = { ...sampleOf(newest), encryption };
    if (this.#facts !== null && playlist.windowSegments > this.#facts.windowSegments) {
      this.#facts = { ...this.#facts, windowSegments: playlist.windowSegments };
    }
    if (JSON.stringify(this.obstacles) !== before) this.#events.changed();
  }
}
