import type { SourcePlaylist } from '../source/parse.ts';
import type { ChannelFiles } from '../storage/files.ts';
import { listedSeconds, removable, type TimelineLog, trim } from '../timeline/log.ts';
import type { Clock } from './clock.ts';
import { DirectExpiry } from './expiry.ts';
import { givenBack } from './give-back.ts';
import { Janitor } from './janitor.ts';

/** What leaves the playlists of a channel, and when its files go. Times are in ms of the channel's clock. */
export class Retention {
  readonly #janitor: Janitor;
  readonly #expiry = new DirectExpiry();
  /** A file has found no room since something was given back last. */
  #lacksRoom = false;
  /** Nothing that is listed up to this number can be stored. */
  #givenUpMsn = -1;

  constructor(files: ChannelFiles, clock: Clock) {
    this.#janitor = new Janitor(files);
    files.rank((name) => this.#janitor.standingOf(name, clock.now()) ?? 'kept');
  }

  /** The source was looked at: what it does not list any more may expire where entries name it there. */
  looked(log: TimelineLog, playlist: SourcePlaylist, at: number): void {
    this.#expiry.looked(log, playlist, at);
  }

  /** A file of the channel finds no room. */
  noRoom(): void {
    this.#lacksRoom = true;
  }

  /** What is listed up to this number cannot be stored here: it leaves the playlist as soon as it may (RFC 8216bis 6.2.2). */
  giveUp(msn: number): void {
    this.#givenUpMsn = Math.max(this.#givenUpMsn, msn);
    this.noRoom();
  }

  /** The log without what has to leave it. */
  trimmed(log: TimelineLog, now: number): TimelineLog {
    const leaves = removable(log, (entry) => entry.msn <= this.#givenUpMsn || this.#expiry.expired(entry, now));
    return trim(log, leaves);
  }

  /** The log without what it can spare, once for each time that a file has found no room; else the same. */
  spared(log: TimelineLog, now: number): TimelineLog {
    if (!this.#lacksRoom) return log;
    this.#lacksRoom = false;
    return this.trimmed(trim(log, givenBack(log)), now);
  }

  /** Files of what is no longer listed, and sections that are not among `maps`, go one window from now. */
  retire(log: TimelineLog, maps: ReadonlySet<string>, now: number): void {
    const dueAt = now + (listedSeconds(log) + log.targetDurationSeconds) * 1000;
    this.#janitor.retire(log.firstListedMsn, maps, now, dueAt);
  }

  /** Removes the files that are due. Throws the file system's errors. */
  sweep(now: number): Promise<void> {
    return this.#janitor.sweep(now);
  }

  /** Forgets what is to go: all of it is gone already. */
  clear(): void {
    this.#janitor.clear();
  }
}
