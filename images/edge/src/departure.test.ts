import { beforeEach, describe, expect, test } from '@jest/globals';
import { Departure } from './departure.ts';
import { silentLog } from './testing/operator.ts';
import { VirtualClock } from './testing/virtual-clock.ts';

describe('the departure of an edge', () => {
  let clock: VirtualClock;
  let told: string[];
  let leave: () => Promise<{ handedOver: number; kept: number }>;
  let startNginx: (() => void) | null;
  let departure: Departure;

  beforeEach(() => {
    clock = new VirtualClock(0, async () => {
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    });
    told = [];
    startNginx = null;
    leave = async () => ({ handedOver: 2, kept: 0 });
    departure = new Departure({
      channels: {
        leave: () => {
          told.push('channels');
          return leave();
        },
      },
      tell: () => void told.push('operator'),
      endStreams: () => void told.push('streams'),
      watchNginx: (started) => {
        startNginx = started;
        return () => {
          startNginx = null;
        };
      },
      stays: () => void told.push('stays'),
      clock,
      log: silentLog,
    });
  });

  test('tells operator and successors once, whoever asks for it', async () => {
    expect(departure.hasBegun).toBe(false);
    const first = departure.begin();
    expect(departure.hasBegun).toBe(true);
    await Promise.all([first, departure.begin()]);
    expect(told).toEqual(['operator', 'channels']);
    expect(clock.size).toBe(0);
  });

  test('serves on for as long as it was asked to, then ends the streams', async () => {
    const lasting = departure.last(10);
    await clock.advance(9_999);
    expect(told).not.toContain('streams');
    await clock.advance(1);
    await lasting;
    expect(told).toEqual(['operator', 'channels', 'streams']);
  });

  test('is told of a pod that stays, because nginx alone was started again', async () => {
    const lasting = departure.last(1);
    await clock.advance(999);
    expect(startNginx).toBeNull();
    await clock.advance(1);
    await lasting;
    startNginx?.();
    expect(told.at(-1)).toBe('stays');
    departure.close();
    expect(startNginx).toBeNull();
  });

  test.each([
    ['never answers', () => new Promise<never>(() => {}), 8_000],
    ['fails', () => Promise.reject(new Error('no')), 1_000],
  ])('ends in time where handing over %s', async (_how, broken, milliseconds) => {
    leave = broken;
    const lasting = departure.last(1);
    await clock.advance(milliseconds - 1);
    expect(told).not.toContain('streams');
    await clock.advance(1);
    await lasting;
    expect(told.at(-1)).toBe('streams');
  });
});
