import type { SluiceError } from '@sluice/common/errors/error.ts';
import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { Published } from '../replication/feed.ts';
import type { ChannelFiles } from '../storage/files.ts';
import { nextMsn, type TimelineLog, withRungs } from '../timeline/log.ts';
import { multivariantPlaylist } from '../timeline/multivariant.ts';
import { keyOf } from '../viewers/audiences.ts';
import type { TimelineCopy } from './copy.ts';
import { MediaPlaylists } from './media-playlists.ts';
import type { OwnerContext } from './owner-context.ts';
import { OwnerState } from './owner-state.ts';
import { Publisher } from './publisher.ts';
import { ToldReport } from './report.ts';
import { openSaved, removeSaved, type SavedChannel, saveOwned } from './saved.ts';
import type { PlaylistAnswer } from './service.ts';
import { ChannelSessions } from './sessions.ts';
import { ShownLadder } from './shown-ladder.ts';
import { SourceSide } from './source-side.ts';
import type { TranscodeSession } from './transcode.ts';
import { underWayOf } from './under-way.ts';
import { createWaiters, unreachable, type Waiters } from './waiters.ts';
import { Wakefulness } from './wakefulness.ts';

/**
 * The owner of one channel: wakes and sleeps with its audience, joins source, timeline and transcoder, and answers
 * with playlists. It writes the timeline alone.
 */
export class ChannelOwner {
  readonly #context: OwnerContext;
  readonly #waiters: Waiters;
  readonly #workWaiters: Waiters;
  readonly #files: ChannelFiles;
  readonly #source: SourceSide;
  readonly #publisher: Publisher;
  readonly #playlists: MediaPlaylists;
  readonly #wakefulness: Wakefulness;
  #route: Route;
  readonly #sessions = new ChannelSessions();
  readonly #ladder: ShownLadder;
  readonly #told: ToldReport;
  readonly #state: OwnerState;
  #closed = false;

  /** Opens a channel with what an earlier run of this pod has stored of it. */
  static async open(route: Route, context: OwnerContext): Promise<ChannelOwner> {
    const files = await context.openFiles();
    const { takeOver } = context;
    // Segments that are not here are fetched when somebody asks for them.
    const saved = takeOver ?? (await openSaved(route, context.statePath, files, context.clock.now()));
    return new ChannelOwner(route, context, files, saved);
  }

  private constructor(route: Route, context: OwnerContext, files: ChannelFiles, saved: SavedChannel) {
    const { log, known } = saved;
    const underWay = underWayOf(log, saved);
    this.#route = route;
    this.#ladder = new ShownLadder(route.ladder, () => this.#source.facts);
    this.#context = context;
    this.#told = new ToldReport(context.report);
    this.#state = new OwnerState({
      clock: context.clock,
      ladder: this.#ladder,
      sessions: this.#sessions,
      route: () => this.#route,
      isAwake: () => this.isAwake,
      publisher: () => this.#publisher,
      source: () => this.#source,
    });
    this.#files = files;
    this.#waiters = createWaiters(context.clock);
    this.#workWaiters = createWaiters(context.clock);
    this.#wakefulness = new Wakefulness({
      clock: context.clock,
      targetDurationSeconds: () => this.targetDurationSeconds,
      isAskedFor: () => this.#route.mode !== 'Idle',
      turned: (awake) => (awake ? this.#wake() : this.#sleep()),
      looked: () => {
        this.#source.run(this.isAwake);
        this.#changed();
      },
      forget: () => void this.#forget(),
    });
    this.#playlists = new MediaPlaylists({
      waiters: this.#waiters,
      rungs: () => this.#ladder.namesIn(this.#publisher.log),
      asked: () => this.asked(),
      listed: () => this.#state.listed,
      instead: (error, signal) => this.#instead(error, signal),
    });
    this.#publisher = new Publisher(
      {
        clock: context.clock,
        client: context.client,
        files,
        view: () => this.#state.view,
        save: (saved) => saveOwned({ route: this.#route, log: saved, known: this.#source.known }, context),
        changed: () => this.#changed(),
        trouble: (error) => {
          this.#source.segmentTrouble(error);
          if (error === null) this.#workWaiters.wake();
        },
        published: (complete, encryption) => this.#source.published(complete, encryption),
      },
      log,
      underWay,
    );
    this.#source = new SourceSide(route, known, context.client, context.clock, {
      taken: (taken, playlist, at, before) => {
        this.#publisher.take(taken, playlist, at, before);
        this.#context.seen(playlist);
        this.#waiters.wake();
        this.#workWaiters.wake();
        this.#context.changed();
      },
      changed: () => {
        this.#publisher.pump();
        this.#changed();
      },
      hasListed: () => this.#state.hasListed,
      lookedAt: () => this.#publisher.lookedAt,
      targetDurationSeconds: () => this.#publisher.log?.targetDurationSeconds ?? null,
      failed: (error, failures) => this.#failed(error, failures),
    });
    this.#rewind();
    this.#sessions.take(route);
    this.#sessions.goOn(underWay?.session ?? null, context.clock.now());
    this.#wakefulness.evaluate();
    if (log !== null) this.#wakefulness.planForget();
  }

  /** ms of the channel's clock. */
  now(): number {
    return this.#context.clock.now();
  }

  get route(): Route {
    return this.#route;
  }

  get session(): TranscodeSession | null {
    return this.#sessions.current;
  }

  /** The session of this name, running or just ended; null if there is none. */
  sessionNamed(name: string): TranscodeSession | null {
    return this.#sessions.named(name);
  }

  /** Somebody wants the channel, here or elsewhere. */
  get isAwake(): boolean {
    return this.#wakefulness.isAwake;
  }

  /** Nothing is taken here any more. */
  get isClosed(): boolean {
    return this.#closed;
  }

  get publisher(): Publisher {
    return this.#publisher;
  }

  get files(): ChannelFiles {
    return this.#files;
  }

  get targetDurationSeconds(): number | null {
    return this.#state.targetDurationSeconds;
  }

  get activeMode(): Route['mode'] {
    return this.#state.activeMode;
  }

  report(): OwnerReport {
    return this.#state.report;
  }

  /** What the other edges copy. */
  published(): Published {
    return this.#state.published;
  }

  /** The timeline, for the next owner; null where nothing is published. */
  handOver(): TimelineCopy | null {
    return this.#state.handOver;
  }

  /** Ladder of the playlists. */
  get ladder(): Route['ladder'] {
    return this.#ladder.rungs;
  }

  /** Takes a changed route of the same Channel. */
  update(route: Route): void {
    this.#route = route;
    this.#ladder.take(route.ladder, this.#publisher.log);
    this.#sessions.take(route);
    this.#source.update(route);
    this.#wakefulness.evaluate();
    this.#publisher.pump();
  }

  setLocalViewers(viewers: number): void {
    this.#wakefulness.setViewers(viewers);
  }

  /** Waits up to 10 s for the first probe. Throws SOURCE_UNREACHABLE. */
  async multivariant(sessionQuery: string, signal: AbortSignal): Promise<PlaylistAnswer> {
    const facts = await this.#waiters.wait(() => this.#source.facts, signal);
    return { text: multivariantPlaylist(facts, this.#ladder.rungs, sessionQuery), maxAgeSeconds: 0 };
  }

  /**
   * Wakes the channel; waits up to 10 s until what is due is listed, and three target durations at least, which
   * players need to start (a source that has just begun has less). Throws RUNG_UNKNOWN and SOURCE_UNREACHABLE.
   */
  media(rung: string, signal: AbortSignal): Promise<PlaylistAnswer> {
    return this.#playlists.get(rung, signal);
  }

  /** Somebody asks for a media playlist: the channel is wanted for a while. */
  asked(): void {
    this.#wakefulness.asked();
  }

  /** The media playlist that a request would get at once; null where it would wait or be refused. */
  listed(rung: string): PlaylistAnswer | null {
    return this.#closed ? null : this.#playlists.listed(rung);
  }

  /** Something outside has changed: the session's agent, its rows, the clock. */
  poke(): void {
    this.#publisher.pump();
    this.#changed();
  }

  /** Runs `attempt` after each change until it answers; see {@link Waiters.wait}. An outage of the source ends no wait. */
  waitForWork<T>(attempt: () => T | null, signal: AbortSignal, timeoutMs: number): Promise<T> {
    return this.#workWaiters.wait(attempt, signal, timeoutMs);
  }

  /** Ends the channel; `error` is what waiting requests get. With `dropFiles` nothing of it stays on the volume. */
  async close(error: SluiceError, dropFiles: boolean): Promise<void> {
    this.#closed = true;
    this.#wakefulness.close();
    this.#source.stop();
    this.#publisher.close();
    this.#waiters.fail(error);
    this.#workWaiters.fail(error);
    await this.#publisher.idle();
    if (dropFiles) await removeSaved(this.#context, this.#files);
  }

  /** What is listed is better than nothing, however little it is. */
  #instead(error: unknown, signal: AbortSignal): TimelineLog {
    const { log } = this.#publisher;
    if (signal.aborted || this.#closed || log === null || log.entries.length === 0) throw error;
    return log;
  }

  #wake(): void {
    const { log } = this.#publisher;
    this.#ladder.take(this.#route.ladder, log);
    if (log !== null && !this.#state.hasListed) this.#publisher.replaceLog(withRungs(log, this.#ladder.names));
    this.#context.logger.info({ channel: keyOf(this.#route) }, 'channel wakes');
  }

  /** Connections close by themselves; files and entries go one window later, when no playlist of them is in use. */
  #sleep(): void {
    this.#context.logger.info({ channel: keyOf(this.#route) }, 'channel sleeps');
    this.#source.run(false);
    this.#publisher.sleep();
    this.#rewind();
  }

  /** What was seen at the source but never published is seen anew. */
  #rewind(): void {
    const { log } = this.#publisher;
    if (log !== null) this.#source.rewind(nextMsn(log) - log.msnOffset);
  }

  async #forget(): Promise<void> {
    try {
      await this.#publisher.forget();
    } catch (error) {
      this.#context.logger.warn({ err: error, channel: keyOf(this.#route) }, 'files of a sleeping channel stay');
    }
    if (!this.#state.hasListed) this.#source.forgotten();
    this.#changed();
  }

  /** Viewers get the reason alone: messages name hosts and paths that the Channel may want to hide. */
  #failed(error: SluiceError, failures: number): void {
    if (this.#state.hasListed && this.#publisher.caughtUp) return;
    if (failures > 1 || !error.retryable)
      this.#waiters.fail(unreachable(`The channel's source cannot be read now (${this.#source.health.reason})`));
  }

  #changed(): void {
    if (this.#closed) return;
    this.#waiters.wake();
    this.#workWaiters.wake();
    this.#context.changed();
    this.#told.tell(this.report());
  }
}
