import type { SourceFollower } from './follower.ts';
import type { SourcePlaylist, SourceSegment } from './parse.ts';

/**
 * Target durations by which segments are told before they are due: all of a recording is there already, so that its rungs need
 * not be made in the half second that the constant lag leaves an encoder of live film. It is what players have in hand, who
 * do not notice what such a time makes good.
 */
const AHEAD_TARGET_DURATIONS = 3;

/**
 * Target durations of film that a source which has ended lists at once: three that a player wants to begin with
 * (RFC 8216bis 6.3.3), one and a half for the constant lag of channels that may transcode, and a half for the first look;
 * and what comes ahead of its time.
 */
const HEAD_START_TARGET_DURATIONS = 5 + AHEAD_TARGET_DURATIONS;

/**
 * Target durations of film behind what another owner has published that it has taken already: the constant lag of channels
 * that may transcode is less than one and a half.
 */
const RESUMED_TARGET_DURATIONS = 1.5 + AHEAD_TARGET_DURATIONS;

/** Segments shown behind the last one that has appeared: as many as are kept of a live source. */
const SHOWN_SEGMENTS = 60;

/** Pause in ms between two looks at a source that has ended and is being played: whether it goes on is no matter of seconds. */
const LOOK_AGAIN_MS = 15_000;

/** A source that has ended, as if it were live: its segments are told one after the other, in the time that they last. */
interface Replay {
  readonly playlist: SourcePlaylist;
  /** Index of the first segment. */
  readonly first: number;
  /** Seconds of film that are there at `beganAt`, ms of the channel's clock. */
  readonly headStartSeconds: number;
  readonly beganAt: number;
}

function begin(playlist: SourcePlaylist, resumeAt: number | null, beganAt: number): Replay {
  const targetDurations = resumeAt === null ? HEAD_START_TARGET_DURATIONS : RESUMED_TARGET_DURATIONS;
  const headStartSeconds = targetDurations * playlist.targetDurationSeconds;
  return { playlist, first: resumeAt ?? 0, headStartSeconds, beganAt };
}

/** How many segments have appeared at `now`. */
function appeared({ playlist, first, beganAt, headStartSeconds }: Replay, now: number): number {
  let seconds = (now - beganAt) / 1000 + headStartSeconds;
  let index = first;
  for (; index < playlist.segments.length; index += 1) {
    seconds -= playlist.segments[index]?.durationSeconds ?? 0;
    if (seconds < 0) break;
  }
  // One at least, however long it is: else nothing would ever begin.
  return Math.max(index, Math.min(first + 1, playlist.segments.length));
}

function shown(replay: Replay, count: number): SourcePlaylist {
  const { playlist } = replay;
  const segments: readonly SourceSegment[] = playlist.segments.slice(Math.max(0, count - SHOWN_SEGMENTS), count);
  const aheadSeconds = AHEAD_TARGET_DURATIONS * playlist.targetDurationSeconds;
  return { ...playlist, segments, aheadSeconds, ended: count === playlist.segments.length };
}

/**
 * A follower of a source that may have ended before it is looked at for the first time, such as a recording: it plays from
 * its beginning to its end. One that ends while it is followed is shown as it is.
 * @param resumeAt index of the segment that a playlist which has ended goes on with; null: it is played from its beginning
 */
export function createReplayingFollower(
  follower: SourceFollower,
  now: () => number,
  resumeAt: (playlist: SourcePlaylist) => number | null,
): SourceFollower {
  let isLive = false;
  let replay: Replay | null = null;
  let count = -1;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let last: Omit<Awaited<ReturnType<SourceFollower['look']>>, 'playlist'> | null = null;

  return {
    look: async (signal) => {
      if (replay === null || last === null || now() - lookedAt >= LOOK_AGAIN_MS) {
        const { playlist, ...rest } = await follower.look(signal);
        lookedAt = now();
        last = rest;
        isLive ||= playlist !== null && !playlist.ended;
        if (isLive) {
          replay = null;
          return { playlist, ...rest };
        }
        if (playlist !== null) {
          replay = begin(playlist, resumeAt(playlist), lookedAt);
          count = -1;
        }
      }
      const nowShown = replay === null ? count : appeared(replay, now());
      if (replay === null || nowShown === count) return { playlist: null, ...last };
      count = nowShown;
      return { playlist: shown(replay, count), ...last };
    },
  };
}
