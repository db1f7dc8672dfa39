import type { FragmentPlan } from './plan.ts';

/** When the first picture is shown, in ticks of the source's own clock. */
export function startsAt({ picture, times }: FragmentPlan): bigint {
  return picture.decodeTime + BigInt(times[0] ?? 0);
}

/** When the last picture is shown. */
export function endsAt({ picture, times }: FragmentPlan): bigint {
  return picture.decodeTime + BigInt(times.at(-1) ?? 0);
}

/** The source's time that is 0 in what FFmpeg gets and writes in a run: nothing in it may be negative. */
export function baseOf({ picture, times }: FragmentPlan): bigint {
  return picture.decodeTime + BigInt(Math.min(0, times[0] ?? 0));
}
