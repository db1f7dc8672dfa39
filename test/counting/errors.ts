import type { Sample } from './run.ts';

/** How far a count was from the truth. */
export interface CountingError {
  /** In viewers. */
  readonly viewers: number;
  /** Of those who are counted; 0 where fewer than {@link SHARE_FROM} are: of those one is more than a percent. */
  readonly share: number;
}

/** The errors of a run's known counts. */
export interface CountingErrors {
  /** At the worst moment. */
  readonly worst: CountingError;
  /** Over all moments. */
  readonly mean: CountingError;
  /** Mean distance from whom the rules count, as a share, with nothing granted that is on its way. */
  readonly plainShare: number;
  /** By how much more are counted on average than watch, as a share: who vanished counts until the evidence expires. */
  readonly vanishedShare: number;
}

/** Of fewer viewers one is more than a percent. */
const SHARE_FROM = 100;

/**
 * The distance of known counts from the truth: between those who watch and those whom the rules count, who are more
 * while a viewer who vanished has not expired and fewer while a player begins. What changed while the news was on its way
 * is granted.
 * @param fromMs only moments since then are judged @param inFlightSamples so many samples before count as the truth too
 */
export function countingErrors(samples: readonly Sample[], fromMs: number, inFlightSamples: number): CountingErrors {
  const worst = { viewers: 0, share: 0 };
  const sum = { viewers: 0, share: 0, plain: 0, vanished: 0 };
  let judged = 0;
  for (const [index, { atMs, state, viewers, counted, watching }] of samples.entries()) {
    if (state !== 'known' || atMs < fromMs) continue;
    const recent = samples.slice(Math.max(0, index - inFlightSamples), index + 1);
    const truths = recent.flatMap((sample) => [sample.counted, sample.watching]);
    const distance = Math.max(0, Math.min(...truths) - viewers, viewers - Math.max(...truths));
    const share = counted >= SHARE_FROM ? distance / counted : 0;
    worst.viewers = Math.max(worst.viewers, distance);
    worst.share = Math.max(worst.share, share);
    sum.viewers += distance;
    sum.share += share;
    sum.plain += counted === 0 ? 0 : Math.abs(viewers - counted) / counted;
    sum.vanished += counted === 0 ? 0 : (counted - watching) / counted;
    judged += 1;
  }
  const moments = Math.max(1, judged);
  return {
    worst,
    mean: { viewers: sum.viewers / moments, share: sum.share / moments },
    plainShare: sum.plain / moments,
    vanishedShare: sum.vanished / moments,
  };
}
