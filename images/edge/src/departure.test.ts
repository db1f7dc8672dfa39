import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Departure } from './departure.ts';
import { silentLog } from './testing/operator.ts';

describe('the departure of an edge', () => {
  let told: string[];
  let leave: () => Promise<{ handedOver: number; kept: number }>;
  let departure: Departure;

  beforeEach(() => {
    jest.useFakeTimers();
    told = [];
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
