import { describe, expect, test } from '@jest/globals';
import type { EdgeMessage } from '@sluice/common/link/messages.ts';
import { LoadReporter } from './reporter.ts';

describe('the reporter of load', () => {
  test('tells what is known at once, and every five seconds from then on', async () => {
    const said: EdgeMessage[] = [];
    const peer = { busy: false, send: (message: EdgeMessage) => void said.push(message) };
    const timers: (() => void)[] = [];
    let nowMs = 0;
    let called = 0;
    const reporter = new LoadReporter({
      read: async () => ({ egressBytes: 1000 * nowMs, requests: null }),
      now: () => nowMs,
      setTimer: (callback, milliseconds) => {
        expect(milliseconds).toBe(5000);
        timers.push(callback);
        return () => {
          called += 1;
        };
      },
    });
    const tick = async (): Promise<void> => {
      nowMs += 5000;
      timers.shift()?.();
      await new Promise(setImmediate);
    };
    reporter.start();
    await new Promise(setImmediate);
    reporter.connect(peer);
    await tick();
    peer.busy = true;
    await tick();
    peer.busy = false;
    reporter.disconnect();
    await tick();
    expect(said).toEqual([
      { type: 'load', egressBitsPerSecond: null, requestsPerSecond: null },
      { type: 'load', egressBitsPerSecond: 8_000_000, requestsPerSecond: null },
    ]);
    reporter.close();
    expect([called, reporter.load.egressBitsPerSecond]).toEqual([1, null]);
  });
});
