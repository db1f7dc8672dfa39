/** Back-off of Kubernetes for containers that end: 10 s, doubled up to 300 s; forgotten after ten minutes of running. */
const BACK_OFF_SECONDS = { first: 10, most: 300, forgottenAfter: 600 } as const;

/** Ends in a row, this one included: a long run makes it the first. @param ranMs how long the container ran */
export function crashesInARow(before: number, ranMs: number): number {
  return ranMs >= BACK_OFF_SECONDS.forgottenAfter * 1000 ? 1 : before + 1;
}

/** Seconds to wait before a restart: none after the first end, then 10, 20, 40 ... 300. */
export function restartDelaySeconds(crashes: number): number {
  if (crashes <= 1) return 0;
  return Math.min(BACK_OFF_SECONDS.first * 2 ** Math.min(crashes - 2, 10), BACK_OFF_SECONDS.most);
}
