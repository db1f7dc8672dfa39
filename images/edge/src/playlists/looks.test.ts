import { describe, expect, test } from '@jest/globals';
import { Looks } from './looks.ts';

/** How many of the next `ticks` calls, 100 ms apart, are due. */
function due(looks: Looks, ticks: number, hasFiles: boolean): number {
  return Array.from({ length: ticks }, () => looks.isDue(hasFiles)).filter(Boolean).length;
}

describe('the log of polls is looked at', () => {
  test('at every tick while nginx has playlists to send', () => {
    expect(due(new Looks(100), 200, true)).toBe(200);
  });

  test('at every tick for three seconds more, for what was on its way', () => {
    const looks = new Looks(100);
    due(looks, 10, true);
    expect(due(looks, 30, false)).toBe(30);
  });

  test.each([50, 100, 300])('once a second after that, with a tick of %d ms', (intervalMs) => {
    const looks = new Looks(intervalMs);
    due(looks, 3_000 / intervalMs, false);
    expect(due(looks, 60_000 / intervalMs, false)).toBe(60);
  });

  test('at every tick again as soon as nginx has one', () => {
    const looks = new Looks(100);
    due(looks, 145, false);
    expect(due(looks, 20, true)).toBe(20);
  });
});
