/**
 * What an edge may send at once: the ids of all viewers that it may name (300,000 at some 45 bytes), and nearly as much of
 * all else. As many bytes of questions for seats take the operator two seconds, and it has to renew its lease within ten.
 */
const BURST_BYTES = 24 * 1024 * 1024;

/** What it may send on and on, in bytes per second: tens of thousands of viewers who come and go in each of them. */
const STEADY_BYTES_PER_SECOND = 4 * 1024 * 1024;

/** How much of an edge's words is listened to: reading costs time, which all other edges and channels wait for. */
export class Allowance {
  private readonly now: () => number;
  private left = BURST_BYTES;
  private atMs: number;

  /** @param now milliseconds of a clock */
  constructor(now: () => number) {
    this.now = now;
    this.atMs = now();
  }

  /** A message of so many bytes was read. @returns whether more may be read at once */
  take(bytes: number): boolean {
    const nowMs = this.now();
    const earned = (Math.max(0, nowMs - this.atMs) / 1000) * STEADY_BYTES_PER_SECOND;
    this.atMs = nowMs;
    this.left = Math.min(BURST_BYTES, this.left + earned) - bytes;
    if (this.left < 0) this.left = Math.max(this.left, -STEADY_BYTES_PER_SECOND);
    return this.left >= 0;
  }
}
