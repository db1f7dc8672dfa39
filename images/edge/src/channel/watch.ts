import type { SluiceError } from '@sluice/common/errors/error.ts';
import { asSourceError } from '../source/errors.ts';
import type { SourceFollower } from '../source/follower.ts';
import type { SourcePlaylist, SourceSegment } from '../source/parse.ts';
import { inRhythm, nextLookAt, rhythmSeconds } from '../source/reload.ts';
import type { Clock } from './clock.ts';

/** Target duration in seconds assumed until a playlist tells its own: the middle of what live sources use. */
const ASSUMED_TARGET_DURATION_SECONDS = 4;

/** What a watch tells its channel. */
export interface WatchEvents {
  /** A look succeeded; null where nothing has changed. Times in ms: of this look's end, and of the last one before. */
  onLook(playlist: SourcePlaylist | null, lookedAt: number, previousLookAt: number | null): void;
  /** A look failed, the n-th in a row. */
  onFailure(error: SluiceError, failures: number): void;
}

/** When a source is looked at. */
export interface WatchTiming {
  readonly clock: Clock;
  /** When another one has looked at it, in ms of the clock: this watch goes on in that rhythm. Null where nobody has. */
  readonly rhythmAt: number | null;
  /** Of the channel's playlists, in seconds; null where there are none. */
  readonly targetDurationSeconds: () => number | null;
}

/** Looks at a source in the rhythm of RFC 8216bis 6.3.4 until it is stopped; returns the stop function. */
export function watchSource(
  follower: SourceFollower,
  { clock, rhythmAt, targetDurationSeconds: published }: WatchTiming,
  events: WatchEvents,
): () => void {
  const abort = new AbortController();
  let targetDurationSeconds = ASSUMED_TARGET_DURATION_SECONDS;
  let failures = 0;
  let previousLookAt: number | null = null;
  let newest: SourceSegment | undefined;
  let ended = false;
  let isFirst = true;
  let cancel = (): void => {};

  const plan = (beganAt: number, changed: boolean): void => {
    const outcome = { beganAt, changed, failures, targetDurationSeconds, ended };
    const at = isFirst && rhythmAt !== null ? inRhythm(outcome, rhythmAt) : nextLookAt(outcome);
    isFirst = false;
    // One is planned already where a playlist was read, and could not be taken then.
    cancel();
    cancel = clock.after(at - clock.now(), () => void look());
  };
  const look = async (): Promise<void> => {
    const beganAt = clock.now();
    try {
      const { playlist } = await follower.look(abort.signal);
      if (abort.signal.aborted) return;
      failures = 0;
      if (playlist !== null) targetDurationSeconds = rhythmSeconds(playlist, published());
      const lookedAt = clock.now();
      // Playlists of low latency change several times per segment, and say nothing new to us.
      const before = newest;
      newest = playlist === null ? newest : playlist.segments.at(-1);
      ended = playlist?.ended ?? ended;
      plan(beganAt, newest?.msn !== before?.msn || newest?.uri !== before?.uri);
      events.onLook(playlist, lookedAt, previousLookAt);
      previousLookAt = lookedAt;
    } catch (error) {
      if (abort.signal.aborted) return;
      failures += 1;
      plan(beganAt, false);
      events.onFailure(asSourceError(error), failures);
    }
  };
  void look();
  return () => {
    abort.abort();
    cancel();
  };
}
