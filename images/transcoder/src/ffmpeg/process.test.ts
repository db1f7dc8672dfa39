import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { EncoderProcess } from './process.ts';

/** Milliseconds. */
const FORCE_KILL_MS = 5000;

const NOTHING = { output: () => undefined, progress: () => undefined };

let encoder: EncoderProcess | null = null;
/** Anything that reads its stdin or does not can stand for FFmpeg here. */
function start(script: string): EncoderProcess {
  encoder = new EncoderProcess('/bin/sh', ['-c', script], 0, NOTHING, FORCE_KILL_MS);
  return encoder;
}
afterEach(async () => {
  jest.useRealTimers();
  await encoder?.terminate();
  encoder = null;
});

/** How many of the objects are still reachable. */
async function reachable(objects: readonly WeakRef<object>[]): Promise<number> {
  setFlagsFromString('--expose-gc');
  // A WeakRef holds what it was made of or asked for until the running job has ended.
  await new Promise((resolve) => setImmediate(resolve));
  (runInNewContext('gc') as () => void)();
  setFlagsFromString('--no-expose-gc');
  return objects.filter((object) => object.deref() !== undefined).length;
}

describe('EncoderProcess', () => {
  test('keeps nothing of what it has written', async () => {
    const running = start('exec cat >/dev/null');
    const written: WeakRef<object>[] = [];
    for (let count = 0; count < 50; count++) {
      const bytes = new Uint8Array(1_000_000);
      written.push(new WeakRef(bytes));
      await running.write(bytes);
    }
    expect(await reachable(written)).toBeLessThan(3);
  });

  test('a write that waits for room ends with the process', async () => {
    const running = start('read -r line; exec sleep 60');
    const write = running.write(new Uint8Array(10_000_000));
    const ended = running.terminate();
    await expect(write).rejects.toMatchObject({ code: 'ENCODER_GONE' });
    expect(await ended).toMatchObject({ signal: 'SIGTERM' });
    await expect(running.write(new Uint8Array(1))).rejects.toMatchObject({ code: 'ENCODER_GONE' });
  });

  test('a program that is not there ends at once, and says so', async () => {
    encoder = new EncoderProcess('/nowhere/ffmpeg', [], 0, NOTHING, FORCE_KILL_MS);
    expect(await encoder.exited).toMatchObject({ code: null, stderr: expect.stringContaining('ENOENT') });
    await expect(encoder.write(new Uint8Array(1))).rejects.toMatchObject({ code: 'ENCODER_GONE' });
  });

  test('an encoder that ends with its input is not signalled', async () => {
    const running = start('cat >/dev/null; echo the last warning >&2; exit 3');
    expect(await running.stop()).toEqual({
      code: 3,
      signal: null,
      isForced: false,
      stderr: 'the last warning',
    });
  });

  test('an encoder that ignores SIGTERM is killed in the time that it is given, and the exit says so', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const listening = Promise.withResolvers<void>();
    const script = "trap '' TERM; echo progress=continue; read -r line";
    const listeners = { output: () => undefined, progress: () => listening.resolve() };
    encoder = new EncoderProcess('/bin/sh', ['-c', script], 0, listeners, FORCE_KILL_MS);
    await listening.promise;
    const ended = encoder.terminate();
    jest.advanceTimersByTime(FORCE_KILL_MS - 1);
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(1);
    expect(await ended).toMatchObject({ signal: 'SIGKILL', isForced: true });
  });
});
