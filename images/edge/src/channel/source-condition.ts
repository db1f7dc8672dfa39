import type { SluiceError } from '@sluice/common/errors/error.ts';
import type { SourceHealth } from '@sluice/common/link/owner-report.ts';
import type { SourceFacts } from '@sluice/common/link/source-facts.ts';
import { healthOf, sourceError } from '../source/errors.ts';
import type { SourcePlaylist } from '../source/parse.ts';
import { PROBE_RHYTHM_SECONDS } from './probing.ts';
import { ENDED, HEALTHY, tooLong, UNKNOWN_HEALTH, withoutSome } from './report.ts';

/** Target durations without a new segment after which a source counts as standing still. */
const STALLED_AFTER = 3;

/** What a source's health is judged by, beside what is read of it. */
export interface ConditionContext {
  readonly facts: () => SourceFacts | null;
  /** The health has changed. */
  readonly changed: () => void;
}

/** How a source does, in the words of its channel's condition. */
export class SourceCondition {
  readonly #context: ConditionContext;
  #health: SourceHealth = UNKNOWN_HEALTH;
  /** The source says that nothing follows. */
  #ended = false;
  /** Seconds of the longest segment that it lists, where our playlists may have none so long; else 0. */
  #tooLongSeconds = 0;
  /** When the newest segment was found, in ms of the channel's clock. */
  #lastNewAt = 0;

  constructor(context: ConditionContext) {
    this.#context = context;
  }

  get health(): SourceHealth {
    return this.#health;
  }

  /** Nothing is known of it any more: it is another source. */
  forget(): void {
    this.#health = UNKNOWN_HEALTH;
    this.#ended = false;
    this.#tooLongSeconds = 0;
  }

  /** It is read again and again from now on; `at` in ms of the channel's clock, as everywhere here. */
  watched(at: number): void {
    this.#lastNewAt = at;
    this.#ended = false;
  }

  /** A playlist was read, by a channel whose own target duration is fixed as soon as it has one. */
  read(playlist: SourcePlaylist, targetDurationSeconds: number | null): void {
    this.#ended = playlist.ended;
    const longest = playlist.segments.reduce((most, { durationSeconds }) => Math.max(most, durationSeconds), 0);
    this.#tooLongSeconds = Math.round(longest) > (targetDurationSeconds ?? longest) ? longest : 0;
  }

  /** It was probed, or has new segments. */
  delivers(at = this.#lastNewAt): void {
    this.#lastNewAt = at;
    this.#set(this.#usual);
  }

  /** A segment could be stored. */
  recovered(): void {
    if (this.#health.state !== 'healthy') this.#set(this.#usual);
  }

  failed(error: SluiceError, state: 'degraded' | 'down'): void {
    this.#set(healthOf(error, state));
  }

  /** A look has found no new segment. */
  nothingNew(at: number): void {
    if (this.#ended) {
      this.#set(ENDED);
      return;
    }
    const limit = STALLED_AFTER * (this.#context.facts()?.targetDurationSeconds ?? PROBE_RHYTHM_SECONDS);
    if ((at - this.#lastNewAt) / 1000 < limit) {
      // The playlist can be read again; whether segments come is seen within the limit.
      if (this.#health.state === 'down') this.#set({ ...HEALTHY, message: 'The source answers again' });
      return;
    }
    const message = `The source has listed no new segment for ${limit} s or more`;
    this.#set(healthOf(sourceError('SOURCE_STALLED', message), 'degraded'));
  }

  /** Health of a source of which all can be read: whoever misses a language or a picture finds the reason here. */
  get #usual(): SourceHealth {
    if (this.#ended) return ENDED;
    if (this.#tooLongSeconds > 0) return tooLong(this.#tooLongSeconds);
    const leftOut = this.#context.facts()?.leftOut ?? '';
    return leftOut === '' ? HEALTHY : withoutSome(leftOut);
  }

  #set(health: SourceHealth): void {
    const { state, reason, message } = this.#health;
    if (state === health.state && reason === health.reason && message === health.message) return;
    this.#health = health;
    this.#context.changed();
  }
}
