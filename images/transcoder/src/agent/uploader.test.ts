import { describe, expect, test } from '@jest/globals';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { TRANSPORT_STREAM } from '../container/mpegts.ts';
import { backoffMs } from '../owner/backoff.ts';
import type { RungSegment } from './encoder-run.ts';
import { Uploader } from './uploader.ts';

function segment(msn: number, rung = 'high'): RungSegment {
  return { epoch: 1, rung, msn, container: TRANSPORT_STREAM, bytes: new Uint8Array(1) };
}

function uploaderWith(put: (segment: RungSegment) => Promise<void>) {
  const told: string[] = [];
  const slept: number[] = [];
  const name = ({ rung, msn }: RungSegment): string => `${rung}/${msn}`;
  const uploader = new Uploader({
    put,
    stored: (stored) => told.push(`stored ${name(stored)}`),
    dropped: (dropped, reason) => told.push(`dropped ${name(dropped)}: ${reason}`),
    superseded: () => told.push('superseded'),
    random: () => 1,
    sleep: async (ms) => {
      slept.push(ms);
      await new Promise((resolve) => setImmediate(resolve));
    },
  });
  return { uploader, told, slept };
}

function error(code: string, retryable: boolean): SluiceError {
  return new SluiceError(code.toLowerCase(), { code, retryable });
}

describe('the uploader', () => {
  test('sends the segments of a rung in order, one at a time', async () => {
    let sending = 0;
    const { uploader, told } = uploaderWith(async () => {
      expect(++sending).toBe(1);
      await Promise.resolve();
      sending--;
    });
    for (const msn of [1, 2, 3]) uploader.add(segment(msn));
    await uploader.idle();
    uploader.add(segment(4));
    await uploader.idle();
    expect(told).toEqual(['stored high/1', 'stored high/2', 'stored high/3', 'stored high/4']);
  });

  test('repeats what may pass, and a rung does not wait for another', async () => {
    let failures = 0;
    const { uploader, told, slept } = uploaderWith(async ({ rung }) => {
      if (rung === 'high' && ++failures < 4) throw error('OWNER_UNREACHABLE', true);
    });
    uploader.add(segment(1));
    uploader.add(segment(1, 'low'));
    await uploader.idle();
    expect(told).toEqual(['stored low/1', 'stored high/1']);
    expect(slept).toEqual([1, 2, 3].map((count) => backoffMs(count, 1)));
  });

  test('drops what the owner refuses and goes on', async () => {
    const { uploader, told } = uploaderWith(async ({ msn }) => {
      if (msn === 1) throw error('SEGMENT_BROKEN', false);
      if (msn === 2) throw error('EPOCH_OVER', false);
    });
    for (const msn of [1, 2, 3]) uploader.add(segment(msn));
    await uploader.idle();
    expect(told).toEqual(['dropped high/1: segment_broken', 'dropped high/2: epoch_over', 'stored high/3']);
  });

  test('keeps at most four segments of a rung while the owner is away, the newest', async () => {
    let away = true;
    const { uploader, told, slept } = uploaderWith(async () => {
      if (away) throw error('OWNER_UNREACHABLE', true);
    });
    for (let msn = 1; msn <= 8; msn++) uploader.add(segment(msn));
    while (slept.length < 1) await new Promise((resolve) => setImmediate(resolve));
    away = false;
    await uploader.idle();
    expect(told.filter((line) => line.startsWith('stored'))).toEqual([
      'stored high/6',
      'stored high/7',
      'stored high/8',
    ]);
    expect(told.filter((line) => line.startsWith('dropped'))).toHaveLength(5);
  });

  test('a newer attempt ends it', async () => {
    const { uploader, told } = uploaderWith(async () => {
      throw error('SUPERSEDED', false);
    });
    uploader.add(segment(1));
    await uploader.idle();
    expect(told).toEqual(['superseded']);
  });
});

describe('backoffMs', () => {
  test('doubles from 100 ms to 2 s, less up to a half', () => {
    expect([1, 2, 3, 4, 5, 6, 60].map((failures) => backoffMs(failures, 0))).toEqual([
      100, 200, 400, 800, 1600, 2000, 2000,
    ]);
    expect(backoffMs(6, 1)).toBe(1000);
  });
});
