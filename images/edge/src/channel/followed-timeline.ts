import type { OwnerMessage } from '../replication/messages.ts';
import { listedSeconds, nextMsn, type TimelineLog } from '../timeline/log.ts';
import { LogCopy, type TimelineCopy } from './copy.ts';

type Update = Extract<OwnerMessage, { type: 'update' }>;

/** What came of an owner's update. */
export type UpdateNews =
  /** It does not fit: the owner has to be asked again. */
  | { readonly kind: 'again' }
  /** `shown`: number behind the newest entry that was known before, where something new is listed; null: all of it is new. */
  | {
      readonly kind: 'taken';
      readonly log: null | { readonly shown: number | null };
      readonly replaced: string | null;
    };

/** The copy of an owner's timeline, and how far it can be trusted: when it was known to be the owner's, and whether it still is. */
export class FollowedTimeline {
  readonly #copy: LogCopy;
  readonly #now: () => number;
  #ready = false;
  /** The owner has answered the subscription. */
  #answered = false;
  /** The copy was known to be the owner's at this time, in ms; null: nothing is known since it was subscribed to. */
  #currentAt: number | null = null;
  /** The newest entry that was heard of as it was listed, and when, in ms. */
  #newest: { readonly msn: number; readonly at: number } | null = null;

  /**
   * @param copy what this edge has published as the owner until now; null if it has not
   * @param now ms of the channel's clock
   */
  constructor(copy: TimelineCopy | null, term: number, now: () => number) {
    this.#copy = new LogCopy(copy, term);
    this.#now = now;
    if (copy !== null) this.#show(copy.log);
  }

  /** Null where nothing has been copied. */
  get log(): TimelineLog | null {
    return this.#copy.log;
  }

  /** What the owner is asked for: at the highest term that was seen, what lies behind the copy. */
  get request(): Pick<LogCopy, 'term'> & { readonly have: LogCopy['position'] } {
    return { term: this.#copy.term, have: this.#copy.position };
  }

  /** The copy, as long as viewers have something of it left to play. */
  get usable(): TimelineLog | null {
    const { log } = this.#copy;
    if (log === null || log.entries.length === 0 || this.#currentAt === null) return null;
    if (this.#answered) return log;
    return this.#now() - this.#currentAt < listedSeconds(log) * 1000 ? log : null;
  }

  /** What viewers who come now are shown. */
  get listed(): TimelineLog | null {
    return this.#ready ? this.usable : null;
  }

  /** For this edge to go on with it as the owner; null where it is not the newest that is known. */
  get handOver(): TimelineCopy | null {
    const { copy } = this.#copy;
    if (this.usable === null || copy === null || copy.underWay !== undefined) return this.usable && copy;
    return this.#newest?.msn === nextMsn(copy.log) - 1 ? { ...copy, newestAt: this.#newest.at } : copy;
  }

  /** See {@link LogCopy.raise}. */
  raise(term: number): boolean {
    return this.#copy.raise(term);
  }

  /** A subscription begins. */
  begin(): void {
    this.#copy.begin();
  }

  /** Nobody wants it here any more: it gets old unheard. */
  letGo(): void {
    this.#answered = false;
    this.#currentAt = null;
    this.#ready = false;
  }

  /** The owner says nothing of this channel any more, and was last heard then: what is known gets old from now on. */
  away(heardAt: number | null): void {
    if (this.#answered) this.#currentAt = heardAt ?? this.#currentAt;
    this.#answered = false;
  }

  /** Takes the copy of another edge, which hears the owner. @returns whether it is of the same timeline, and not behind this one */
  takeMore(copy: TimelineCopy): boolean {
    if (!this.#copy.takeMore(copy)) return false;
    this.#show(copy.log);
    return true;
  }

  /** Takes what the owner says. */
  update({ term, ready, log }: Update): UpdateNews {
    if (!this.#copy.raise(term)) return { kind: 'again' };
    const shown = this.#answered && this.log !== null ? nextMsn(this.log) : null;
    const news = log === null ? null : this.#copy.take(log, log.known);
    if (news?.kind === 'again') return { kind: 'again' };
    if (shown !== null && this.log !== null && nextMsn(this.log) > shown)
      this.#newest = { msn: nextMsn(this.log) - 1, at: this.#now() };
    this.#answered = true;
    this.#currentAt = this.#now();
    this.#ready = ready;
    const replaced = news?.kind === 'replaced' ? news.why : null;
    return { kind: 'taken', log: log === null ? null : { shown }, replaced };
  }

  /** Forgets the copy. */
  clear(): void {
    this.#copy.clear();
  }

  #show({ entries }: TimelineLog): void {
    this.#currentAt = this.#now();
    this.#ready = entries.length > 0;
  }
}
