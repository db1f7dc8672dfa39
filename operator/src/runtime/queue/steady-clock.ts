/**
 * While the wall clock is behind (it was set back), ours runs this much slower than it until they meet again. Every
 * wait then takes a ninth longer, which nothing here notices.
 */
const CATCH_UP_RATE = 0.9;

/**
 * The time of day, but never going back: everything that waits for a time (a window, a time-out, a back-off) would
 * otherwise wait for as long as the clock was set back. Where the wall clock jumps ahead, ours jumps with it.
 *
 * @param wall milliseconds since the epoch
 * @param monotonic milliseconds of a clock that is never set
 */
export function steadyClock(wall: () => number = Date.now, monotonic = () => performance.now()): () => number {
  let time = wall();
  let readAt = monotonic();
  return () => {
    const elapsed = monotonic() - readAt;
    readAt += elapsed;
    const wallTime = wall();
    time = wallTime >= time + elapsed ? wallTime : Math.max(wallTime, time + elapsed * CATCH_UP_RATE);
    return time;
  };
}
