import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Departure } from './departure.ts';
import { silentLog } from './testing/operator.ts';

describe('the departure of an edge', () => {
  let told: string[];
  let leave: () => Promise<{ handedOver: number; kept: number }>;
  let startNginx: (() => void) | null;
  let departure: Departure;

  beforeEach(() => {
    jest.useFakeTimers();
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
      log: silentLog,
    });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  test('tells operator and successors once, whoever asks for it', async () => {
    expect(departure.hasBegun).toBe(false);
    const first = departure.begin();
    expect(departure.hasBegun).toBe(true);
    await Promise.all([first, departure.begin()]);
    expect(told).toEqual(['operator', 'channels']);
  });

  test('serves on for as long as it was asked to, then ends the streams', async () => {
    const lasting = departure.last(10);
    await jest.advanceTimersByTimeAsync(9_999);
    expect(told).not.toContain('streams');
    await jest.advanceTimersByTimeAsync(1);
    await lasting;
    expect(told).toEqual(['operator', 'channels', 'streams']);
  });

  test('is told of a pod that stays, because nginx alone was started again', async () => {
    const lasting = departure.last(1);
    await jest.advanceTimersByTimeAsync(999);
    expect(startNginx).toBeNull();
    await jest.advanceTimersByTimeAsync(1);
    await lasting;
    startNginx?.();
    expect(told.at(-1)).toBe('stays');
    departure.close();
    expect(startNginx).toBeNull();
  });

  test.each([
    ['never answers', () => new Promise<never>(() => {})],
    ['fails', () => Promise.reject(new Error('no'))],
  ])('ends in time where handing over %s', async (_how, broken) => {
    leave = broken;
    const lasting = departure.last(0);
    await jest.advanceTimersByTimeAsync(8_000);
    await lasting;
    expect(told.at(-1)).toBe('streams');
  });
});
