import type { Mode } from '@sluice/common/link/mode.ts';

/** The modes from the cheapest upwards: each costs more than the one before it and serves a larger audience. */
export const MODES: readonly Mode[] = ['Idle', 'Direct', 'Proxy', 'Transcode'];

/** Position of a mode in {@link MODES}; a promotion makes it larger. */
export function rank(mode: Mode): number {
  return MODES.indexOf(mode);
}

/** Whether `mode` is cheaper than `other`. */
export function isBelow(mode: Mode, other: Mode): boolean {
  return rank(mode) < rank(other);
}

/** The more expensive of two modes. */
export function higher(one: Mode, other: Mode): Mode {
  return isBelow(one, other) ? other : one;
}

/** The cheaper of two modes. */
export function lower(one: Mode, other: Mode): Mode {
  return isBelow(one, other) ? one : other;
}
