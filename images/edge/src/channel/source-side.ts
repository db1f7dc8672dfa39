import type { SluiceError } from '@sluice/common/errors/error.ts';
import type { SourceHealth } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { SourceFacts, SourceRendition } from '@sluice/common/link/source-facts.ts';
import type { SourceClient } from '../source/client.ts';
import { asSourceError, healthOf, sourceError } from '../source/errors.ts';
import {
  containerChange,
  directObstacle,
  newestMedia,
  type SegmentSample,
  sampleOf,
  transcodeObstacle,
} from '../source/facts.ts';
import { createFollower } from '../source/follower.ts';
import { headersOfSource } from '../source/headers.ts';
import { type Intake, intake, type KnownSegment, markOf, remember } from '../source/intake.ts';
import { keyObstacle } from '../source/key-access.ts';
import type { SourcePlaylist } from '../source/parse.ts';
import { PROBE_ORIGIN, probeSource } from '../source/probe.ts';
import { nextLookAt } from '../source/reload.ts';
import { isBeside } from '../source/renditions.ts';
import { createReplayingFollower } from '../source/replay.ts';
import type { Clock } from './clock.ts';
import type { Obstacles } from './mode.ts';
import { ENDED, HEALTHY, tooLong, UNKNOWN_HEALTH, withoutSome } from './report.ts';
import { watchSource } from './watch.ts';

/** Target durations without a new segment after which a source counts as standing still. */
const STALLED_AFTER = 3;

/** Target duration in seconds assumed for the back-off of probes, before any playlist was read. */
const PROBE_RHYTHM_SECONDS = 4;

/** What a source side tells its channel. */
export interface SourceSideEvents {
  taken(taken: Exclude<Intake, { kind: 'stale' }>, playlist: SourcePlaylist, at: number, before: number | null): void;
  /** Whether something is listed of what was taken. */
  hasListed(): boolean;
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
  #health: SourceHealth = UNKNOWN_HEALTH;
  #known: readonly KnownSegment[];
  #looksBehind = 0;
  /** The source says that nothing follows. */
  #ended = false;
  /** Seconds of the longest segment that it lists, where our playlists may have none so long; else 0. */
  #tooLongSeconds = 0;
  #lastNewAt = 0;
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
  }

  get facts(): SourceFacts | null {
    return this.#facts;
  }

  get health(): SourceHealth {
    return this.#health;
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
      this.#otherSource = true;
    }
    this.#health = UNKNOWN_HEALTH;
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

  /** Forgets the source's segments from this number on: they will be taken again. */
  rewind(nextMsn: number): void {
    this.#known = this.#known.filter((one) => one.msn < nextMsn);
  }

  /** Ends probe and watch. */
  stop(): void {
    this.#stopProbe?.();
    this.#stopWatch?.();
    this.#stopProbe = null;
    this.#stopWatch = null;
  }

  /** A segment could not be read or stored (null: one could): a degradation, because others may still come. */
  segmentTrouble(error: SluiceError | null): void {
    if (error !== null) this.#setHealth(healthOf(error, 'degraded'));
    else if (this.#health.state !== 'healthy') this.#setHealth(this.#usual);
  }

  /** Health of a source of which all can be read: whoever misses a language or a picture finds the reason here. */
  get #usual(): SourceHealth {
    if (this.#ended) return ENDED;
    if (this.#tooLongSeconds > 0) return tooLong(this.#tooLongSeconds);
    const leftOut = this.#facts?.leftOut ?? '';
    return leftOut === '' ? HEALTHY : withoutSome(leftOut);
  }

  #setHealth(health: SourceHealth): void {
    const { state, reason, message } = this.#health;
    if (state === health.state && reason === health.reason && message === health.message) return;
    this.#health = health;
    this.#events.changed();
  }

  /** @param found what the probe has found beside the reference; null before */
  #follower(found: readonly SourceRendition[] | null) {
    const { source } = this.#route;
    const renditions = found === null ? null : found.filter(({ name }) => isBeside(name));
    return createFollower({
      ...{ client: this.#client, uri: source.uri, headers: headersOfSource(source), origin: PROBE_ORIGIN, renditions },
    });
  }

  #probe(): void {
    const abort = new AbortController();
    let cancel = (): void => {};
    let failures = 0;
    let follower = this.#follower(null);
    const attempt = async (): Promise<void> => {
      const beganAt = this.#clock.now();
      try {
        const headers = headersOfSource(this.#route.source);
        const result = await probeSource(this.#client, follower, headers, this.#clock.now, abort.signal);
        if (abort.signal.aborted) return;
        this.#facts = result.facts;
        this.#sample = result.sample;
        this.#stopProbe = null;
        this.#setHealth(this.#usual);
        this.#events.changed();
        this.run(this.#awake);
      } catch (error) {
        if (abort.signal.aborted) return;
        failures += 1;
        const failure = asSourceError(error);
        // Perhaps a lower picture has its audio in its own segments.
        if (failure.code === 'SOURCE_UNSUPPORTED') follower = this.#follower([]);
        this.#fail(failure, failures);
        const outcome = {
          beganAt,
          changed: false,
          failures,
          targetDurationSeconds: PROBE_RHYTHM_SECONDS,
          ended: false,
        };
        cancel = this.#clock.after(nextLookAt(outcome) - this.#clock.now(), () => void attempt());
      }
    };
    this.#stopProbe = () => {
      abort.abort();
      cancel();
    };
    void attempt();
  }

  #watch(): void {
    this.#lastNewAt = this.#clock.now();
    this.#looksBehind = 0;
    this.#ended = false;
    const follower = createReplayingFollower(this.#follower(this.#facts?.renditions ?? []), this.#clock.now, (one) =>
      this.#resumeAt(one),
    );
    this.#stopWatch = watchSource(follower, this.#clock, {
      onLook: (playlist, at, before) => this.#looked(playlist, at, before),
      onFailure: (error, failures) => this.#fail(error, failures),
    });
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
    this.#setHealth(healthOf(error, failures > 1 || !error.retryable ? 'down' : 'degraded'));
    this.#events.failed(error, failures);
  }

  #looked(playlist: SourcePlaylist | null, at: number, before: number | null): void {
    if (playlist === null) {
      this.#checkStall(at);
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
    this.#ended = playlist.ended;
    const longest = Math.max(0, ...playlist.segments.map(({ durationSeconds }) => durationSeconds));
    this.#tooLongSeconds = Math.round(longest) > (this.#events.targetDurationSeconds() ?? longest) ? longest : 0;
    if (taken.kind === 'stale' || taken.segments.length === 0) {
      this.#checkStall(at);
      if (taken.kind === 'stale') return;
    } else {
      this.#lastNewAt = at;
      this.#setHealth(this.#usual);
    }
    this.#known = remember(this.#known, taken);
    this.#learn(playlist);
    this.#events.taken(taken, playlist, at, before);
  }

  /** Facts that a single probe may have seen too early, and the URLs that viewers would see in Direct. */
  #learn(playlist: SourcePlaylist): void {
    const before = JSON.stringify(this.obstacles);
    const newest = newestMedia(playlist);
    if (newest !== undefined) this.#sample = sampleOf(newest);
    if (this.#facts !== null && playlist.windowSegments > this.#facts.windowSegments) {
      this.#facts = { ...this.#facts, windowSegments: playlist.windowSegments };
    }
    if (JSON.stringify(this.obstacles) !== before) this.#events.changed();
  }

  #checkStall(at: number): void {
    if (this.#ended) {
      this.#setHealth(ENDED);
      return;
    }
    const limit = STALLED_AFTER * (this.#facts?.targetDurationSeconds ?? PROBE_RHYTHM_SECONDS);
    const seconds = (at - this.#lastNewAt) / 1000;
    if (seconds < limit) {
      // The playlist can be read again; whether segments come is seen within the limit.
      if (this.#health.state === 'down') this.#setHealth({ ...HEALTHY, message: 'The source answers again' });
      return;
    }
    const message = `The source has listed no new segment for ${limit} s or more`;
    this.#setHealth(healthOf(sourceError('SOURCE_STALLED', message), 'degraded'));
  }
}
