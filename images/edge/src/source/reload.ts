import type { SourcePlaylist } from './parse.ts';

/** Longest pause between two tries of a failing source in seconds: it is back for viewers soon after it is back. */
const MAX_RETRY_SECONDS = 15;

/** How the last look at the source ended. */
export interface LookOutcome {
  /** When it began, in ms of the channel's clock. */
  readonly beganAt: number;
  readonly changed: boolean;
  /** Looks in a row that failed, this one included; 0 where it succeeded. */
  readonly failures: number;
  readonly targetDurationSeconds: number;
  /** The source says that nothing follows (EXT-X-ENDLIST). */
  readonly ended: boolean;
}

/**
 * The target duration in seconds in whose rhythm a source is looked at. It must not change (RFC 8216bis 6.2.1): one that is
 * longer than what the channel's playlists began with holds as far as segments are longer, too. Else segments would come
 * several at once, and later than the channel's constant lag allows a transcoder.
 *
 * @param publishedSeconds of the channel's playlists; null where there are none
 */
export function rhythmSeconds(
  { targetDurationSeconds, segments }: Pick<SourcePlaylist, 'targetDurationSeconds' | 'segments'>,
  publishedSeconds: number | null,
): number {
  const longest = segments.reduce((most, { durationSeconds }) => Math.max(most, Math.round(durationSeconds)), 0);
  return Math.min(targetDurationSeconds, Math.max(publishedSeconds ?? targetDurationSeconds, longest));
}

/**
 * When to look again, in ms of the channel's clock (RFC 8216bis 6.3.4: one target duration after the beginning of a
 * look that found a change, half of it after one that did not). Failures back off from half a target duration,
 * doubled each time, to 15 s. A source that has ended needs no look any more; it has one in 15 s, because some go on.
 */
export function nextLookAt(outcome: LookOutcome): number {
  const half = (outcome.targetDurationSeconds * 1000) / 2;
  if (outcome.failures > 0) {
    const backOff = half * 2 ** Math.min(outcome.failures - 1, 10);
    return outcome.beganAt + Math.min(Math.max(backOff, 500), MAX_RETRY_SECONDS * 1000);
  }
  if (outcome.ended) return outcome.beganAt + MAX_RETRY_SECONDS * 1000;
  return outcome.beganAt + (outcome.changed ? 2 * half : half);
}

/** Two looks are never closer to each other than this, in ms. */
const LEAST_PAUSE_MS = 250;

/**
 * When to look again after the first look of a watch that goes on for another one, which has looked at `rhythmAt`: one target
 * duration after that, or two and so on, where that is sooner. So nobody sees a segment later than that one would have,
 * and both together look as often as one does.
 */
export function inRhythm(outcome: LookOutcome, rhythmAt: number): number {
  const next = nextLookAt(outcome);
  if (outcome.failures > 0 || outcome.ended) return next;
  const targetDurationMs = outcome.targetDurationSeconds * 1000;
  const passed = Math.ceil((outcome.beganAt + LEAST_PAUSE_MS - rhythmAt) / targetDurationMs);
  return Math.min(next, rhythmAt + Math.max(1, passed) * targetDurationMs);
}
