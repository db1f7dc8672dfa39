/** A viewer who asks for playlists but is not counted yet keeps a channel awake for so long, at least, in ms. */
const REQUEST_LEASE_MS = 10_000;

/** Target duration in seconds of a channel that has no timeline yet: the middle of what live sources use. */
export const ASSUMED_TARGET_DURATION_SECONDS = 4;

/** How long a request for a media playlist keeps a channel wanted, in ms; null: no target duration is known yet. */
export function requestLeaseMs(targetDurationSeconds: number | null): number {
  return Math.max(REQUEST_LEASE_MS, 3000 * (targetDurationSeconds ?? ASSUMED_TARGET_DURATION_SECONDS));
}
