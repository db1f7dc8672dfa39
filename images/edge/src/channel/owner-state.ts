import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { Published } from '../replication/feed.ts';
import { headersOfSource } from '../source/headers.ts';
import type { TimelineLog } from '../timeline/log.ts';
import type { Clock } from './clock.ts';
import { publishedCopy, type TimelineCopy } from './copy.ts';
import { mayTranscode, publishingMode } from './mode.ts';
import { constantLagMs } from './pace.ts';
import type { Publisher } from './publisher.ts';
import type { PublisherView } from './publisher-context.ts';
import { isPlayable, ownerReport, ShownMode } from './report.ts';
import type { ChannelSessions } from './sessions.ts';
import type { ShownLadder } from './shown-ladder.ts';
import type { SourceSide } from './source-side.ts';

/** The parts of an owner that know something of its channel; functions where a part is replaced, or made later. */
export interface KnowingParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly ladder: ShownLadder;
  readonly sessions: ChannelSessions;
  route(): Route;
  isAwake(): boolean;
  publisher(): Publisher;
  source(): SourceSide;
}

/** What an owner knows of its channel at this moment, as others are told of it: nothing is changed here. */
export class OwnerState {
  readonly #parts: KnowingParts;
  readonly #shownMode = new ShownMode();

  constructor(parts: KnowingParts) {
    this.#parts = parts;
  }

  get targetDurationSeconds(): number | null {
    return this.#log?.targetDurationSeconds ?? this.#parts.source().facts?.targetDurationSeconds ?? null;
  }

  get activeMode(): Route['mode'] {
    return this.#parts.isAwake() ? this.#shownMode.of(this.#log) : 'Idle';
  }

  get hasListed(): boolean {
    return (this.#log?.entries.length ?? 0) > 0;
  }

  /** What a viewer who comes now is shown; null: he waits for it. */
  get listed(): TimelineLog | null {
    const { log, caughtUp } = this.#parts.publisher();
    return this.#parts.isAwake() && caughtUp && isPlayable(log) ? log : null;
  }

  get report(): OwnerReport {
    const { facts, health, obstacles } = this.#parts.source();
    return ownerReport({
      route: this.#parts.route(),
      awake: this.#parts.isAwake(),
      log: this.#log,
      ...{ facts, health, obstacles },
      session: this.#parts.sessions.current,
      now: this.#parts.clock.now(),
    });
  }

  /** What the other edges copy. */
  get published(): Published {
    const shown = { term: this.#parts.route().ownerTerm, ready: this.listed !== null };
    return { ...shown, ...publishedCopy(this.#log, this.#parts.source().known) };
  }

  /** The timeline, for the next owner; null where nothing is published. */
  get handOver(): TimelineCopy | null {
    const { log, known } = this.published;
    if (log === null || !this.#parts.isAwake()) return null;
    const { underWay } = this.#parts.publisher();
    if (underWay === null) return { log, known };
    return { log, known, underWay: { ...underWay, session: this.#parts.sessions.current?.underWay ?? null } };
  }

  /** What the publisher asks for. */
  get view(): PublisherView {
    const route = this.#parts.route();
    const { obstacles } = this.#parts.source();
    return {
      uid: route.uid,
      headers: headersOfSource(route.source),
      mode: publishingMode(route, obstacles),
      rungs: this.#parts.ladder.names,
      resume: route.resume,
      session: this.#parts.sessions.current,
      lagMs: (seconds) => constantLagMs(seconds, mayTranscode(route, obstacles)),
    };
  }

  get #log(): TimelineLog | null {
    return this.#parts.publisher().log;
  }
}
