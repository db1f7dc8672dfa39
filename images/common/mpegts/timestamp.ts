/** Ticks per second of PTS and DTS. */
export const TICKS_PER_SECOND = 90_000;
/** PTS and DTS have 33 bits: they begin again after 26.5 hours. */
export const TIMESTAMP_MODULUS = 2 ** 33;

/**
 * Signed distance in ticks from `from` to `to` over the shorter way round, so that a wrap between them does not show:
 * -2^32 to 2^32 - 1.
 */
export function ticksBetween(from: number, to: number): number {
  const forward = (((to - from) % TIMESTAMP_MODULUS) + TIMESTAMP_MODULUS) % TIMESTAMP_MODULUS;
  return forward >= TIMESTAMP_MODULUS / 2 ? forward - TIMESTAMP_MODULUS : forward;
}

/** `timestamp` moved by `ticks` (any sign), in the range of 33 bits. */
export function addTicks(timestamp: number, ticks: number): number {
  return (((timestamp + ticks) % TIMESTAMP_MODULUS) + TIMESTAMP_MODULUS) % TIMESTAMP_MODULUS;
}
