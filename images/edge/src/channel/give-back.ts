import { listedSeconds, type TimelineLog } from '../timeline/log.ts';

/**
 * Segments that a playlist keeps on a full volume: as many as a channel begins with when it wakes. Players need the newest
 * three target durations; a longer window is for those who join during a change of rendition.
 */
const FEWEST_SEGMENTS = 6;

/**
 * How many of its oldest segments a channel takes out of its playlists because a new one finds no room: one, as long as
 * enough stay for players (RFC 8216bis 6.2.2 asks for three target durations).
 */
export function givenBack(log: TimelineLog): 0 | 1 {
  const [oldest] = log.entries;
  if (oldest === undefined || log.entries.length <= FEWEST_SEGMENTS) return 0;
  return listedSeconds(log) - oldest.durationSeconds >= 3 * log.targetDurationSeconds ? 1 : 0;
}
