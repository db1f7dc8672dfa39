import type { MediaPlaylist } from './media-playlist.ts';

/** One answer to a poll of a media playlist. */
export interface Poll {
  /** When the answer had arrived, in milliseconds of any monotonic clock. */
  readonly atMilliseconds: number;
  readonly playlist: MediaPlaylist;
}

/**
 * Slack in seconds on the update gap for a test machine that is busy with everything else at once; a missing update
 * is at least half a target duration late.
 */
const GAP_SLACK_SECONDS = 0.75;

/** What is wrong with one media playlist by itself, in sentences; empty if nothing is. */
export function playlistViolations(playlist: MediaPlaylist): string[] {
  const violations: string[] = [];
  const { targetDurationSeconds, entries } = playlist;
  for (const entry of entries) {
    if (Math.round(entry.durationSeconds) > targetDurationSeconds) {
      violations.push(
        `segment ${entry.msn} lasts ${entry.durationSeconds} s, target duration ${targetDurationSeconds} s (RFC 8216bis 4.4.3.1)`,
      );
    }
  }
  const media = entries.filter((entry) => !entry.gap);
  if (media.some((entry) => (entry.mapUri === null) !== (media[0]?.mapUri === null))) {
    violations.push('segments with and without EXT-X-MAP stand in one playlist');
  }
  const total = entries.reduce((sum, entry) => sum + entry.durationSeconds, 0);
  if (!playlist.ended && total < 3 * targetDurationSeconds) {
    violations.push(`the window is ${total} s, shorter than three target durations (RFC 8216bis 6.2.2)`);
  }
  if (playlist.holdBackSeconds !== null && playlist.holdBackSeconds < 3 * targetDurationSeconds) {
    violations.push(`HOLD-BACK ${playlist.holdBackSeconds} s is below three target durations (RFC 8216bis 4.4.3.8)`);
  }
  return violations;
}

/** What an update of a media playlist did that RFC 8216bis 6.2.1 and 6.2.2 forbid, in sentences; empty if nothing. */
export function updateViolations(before: MediaPlaylist, after: MediaPlaylist): string[] {
  const violations: string[] = [];
  if (after.targetDurationSeconds !== before.targetDurationSeconds) {
    violations.push(`target duration changed from ${before.targetDurationSeconds} to ${after.targetDurationSeconds}`);
  }
  if (after.mediaSequence < before.mediaSequence) {
    violations.push(`media sequence fell from ${before.mediaSequence} to ${after.mediaSequence}`);
  }
  if (after.discontinuitySequence < before.discontinuitySequence) {
    violations.push(
      `discontinuity sequence fell from ${before.discontinuitySequence} to ${after.discontinuitySequence}`,
    );
  }
  if (after.holdBackSeconds !== before.holdBackSeconds) violations.push('HOLD-BACK changed');
  if (before.ended && (!after.ended || newestMsn(after) !== newestMsn(before))) {
    violations.push('the playlist goes on behind its EXT-X-ENDLIST (RFC 8216bis 4.4.3.4)');
  }
  const now = new Map(after.entries.map((entry) => [entry.msn, entry]));
  for (const old of before.entries) {
    const same = now.get(old.msn);
    if (same === undefined) {
      if (old.msn >= after.mediaSequence) violations.push(`segment ${old.msn} vanished from the end of the playlist`);
    } else if (same.uri !== old.uri || same.durationSeconds !== old.durationSeconds || same.dateTime !== old.dateTime) {
      violations.push(`listed segment ${old.msn} changed from ${old.uri} to ${same.uri}`);
    } else if (same.byteRange !== old.byteRange || same.gap !== old.gap) {
      violations.push(`EXT-X-BYTERANGE or EXT-X-GAP of listed segment ${old.msn} changed`);
    } else if (same.keys.join() !== old.keys.join() && !same.gap) {
      violations.push(`the EXT-X-KEY of listed segment ${old.msn} changed from ${old.keys} to ${same.keys}`);
    } else if (same.markers.join() !== old.markers.join()) {
      violations.push(`the ad markers of listed segment ${old.msn} changed from ${old.markers} to ${same.markers}`);
    } else if (same.mapUri !== old.mapUri && !same.gap) {
      violations.push(`the EXT-X-MAP of listed segment ${old.msn} changed from ${old.mapUri} to ${same.mapUri}`);
    } else if (same.discontinuity !== old.discontinuity && old.msn !== after.mediaSequence) {
      violations.push(`EXT-X-DISCONTINUITY changed at listed segment ${old.msn}`);
    }
  }
  const removedTags = before.entries.filter((entry) => entry.discontinuity && entry.msn < after.mediaSequence).length;
  const contiguous = after.mediaSequence <= before.mediaSequence + before.entries.length;
  if (contiguous && after.discontinuitySequence !== before.discontinuitySequence + removedTags) {
    violations.push(
      `discontinuity sequence is ${after.discontinuitySequence}, but ${removedTags} tags left after ${before.discontinuitySequence}`,
    );
  }
  return violations;
}

/** The longest time in seconds between two polls that showed something new, over a client's whole life. */
export function longestUpdateGapSeconds(polls: readonly Poll[]): number {
  let longest = 0;
  let lastChange = polls[0]?.atMilliseconds ?? 0;
  let lastMsn = newestMsn(polls[0]?.playlist);
  for (const poll of polls) {
    const msn = newestMsn(poll.playlist);
    if (msn === lastMsn) continue;
    longest = Math.max(longest, (poll.atMilliseconds - lastChange) / 1000);
    lastChange = poll.atMilliseconds;
    lastMsn = msn;
  }
  return longest;
}

/** Every violation in a client's polls, each with the number of its poll. @param pollIntervalSeconds the client's own rhythm, which adds to the gap it can see */
export function pollViolations(polls: readonly Poll[], pollIntervalSeconds: number): string[] {
  const violations: string[] = [];
  polls.forEach((poll, index) => {
    const before = polls[index - 1];
    const found = [
      ...playlistViolations(poll.playlist),
      ...(before === undefined ? [] : updateViolations(before.playlist, poll.playlist)),
    ];
    violations.push(...found.map((violation) => `poll ${index}: ${violation}`));
  });
  const first = polls[0];
  if (first !== undefined) {
    const limit = 1.5 * first.playlist.targetDurationSeconds + pollIntervalSeconds + GAP_SLACK_SECONDS;
    const gap = longestUpdateGapSeconds(polls);
    if (gap > limit)
      violations.push(
        `no new segment for ${gap.toFixed(2)} s, at most ${limit.toFixed(2)} s is allowed (RFC 8216bis 6.2.2)`,
      );
  }
  return violations;
}

function newestMsn(playlist: MediaPlaylist | undefined): number {
  return playlist === undefined ? -1 : playlist.mediaSequence + playlist.entries.length - 1;
}
