import { expect, test } from '@jest/globals';
import { OpeningRetry } from './opening-retry.ts';

test('what could not be opened is tried again, later and later, until it is open or ended', () => {
  const planned: { readonly ms: number; readonly run: () => void }[] = [];
  let cancelled: number[] = [];
  let tries = 0;
  const clock = {
    after: (ms: number, run: () => void) => {
      const place = planned.push({ ms, run }) - 1;
      return () => {
        cancelled = [...new Set([...cancelled, place])];
      };
    },
  };
  const retry = new OpeningRetry(clock, () => {
    tries += 1;
  });
  for (let failure = 0; failure < 7; failure += 1) retry.failed();
  expect(planned.map(({ ms }) => ms)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  expect(cancelled).toEqual([0, 1, 2, 3, 4, 5]);
  planned.at(-1)?.run();
  expect(tries).toBe(1);
  retry.opened();
  retry.failed();
  expect(planned.at(-1)?.ms).toBe(1_000);
  retry.end();
  expect(cancelled).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});
