import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { exitCodeOf, type Interruption, interruptible } from './interruption.ts';

describe('work that can be interrupted', () => {
  let signals: EventEmitter & Pick<NodeJS.Process, 'on' | 'off'>;
  let stopped: string[];
  const stop = (name: string) => async () => void stopped.push(name);

  beforeEach(() => {
    signals = new EventEmitter() as typeof signals;
    stopped = [];
    jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** Fails when it is interrupted, as work does whose processes are gone. */
  async function fails({ signal }: Interruption): Promise<never> {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    throw new Error('connection refused');
  }

  test('ends nothing by itself and leaves no listener', async () => {
    const answer = await interruptible(async ({ onInterrupted }) => {
      onInterrupted(stop('etcd'));
      return 7;
    }, signals);
    expect([answer, stopped, signals.listenerCount('SIGTERM')]).toEqual([7, [], 0]);
  });

  test('has all that it started ended, the last first, and once more for what came meanwhile', async () => {
    const ended = interruptible(async (interruption) => {
      for (const name of ['etcd', 'api server']) interruption.onInterrupted(stop(name));
      return fails(interruption);
    }, signals);
    signals.emit('SIGTERM', 'SIGTERM');
    signals.emit('SIGINT', 'SIGINT'); // the impatient change nothing
    await expect(ended).rejects.toMatchObject({ code: 'INTERRUPTED', message: 'SIGTERM' });
    expect(stopped).toEqual(['api server', 'etcd', 'api server', 'etcd']);
  });

  test('goes on ending the others where one cannot be ended', async () => {
    const ended = interruptible(async (interruption) => {
      interruption.onInterrupted(stop('etcd'));
      interruption.onInterrupted(async () => {
        throw new Error('still there');
      });
      return fails(interruption);
    }, signals);
    signals.emit('SIGINT', 'SIGINT');
    await expect(ended).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(stopped).toEqual(['etcd', 'etcd']);
  });

  test('starts nothing new afterwards', async () => {
    const ended = interruptible(async ({ check }) => {
      check();
      signals.emit('SIGHUP', 'SIGHUP');
      check();
    }, signals);
    await expect(ended).rejects.toMatchObject({ message: 'SIGHUP' });
  });

  test('fails also where it comes to its end all the same', async () => {
    const ended = interruptible(async () => void signals.emit('SIGTERM', 'SIGTERM'), signals);
    await expect(ended).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  test('fails by its own error where there was no signal', async () => {
    const broken = interruptible(async () => {
      throw new Error('disk full');
    }, signals);
    await expect(broken).rejects.toThrow('disk full');
  });

  const codes: readonly [unknown, number][] = [
    [new SluiceError('SIGTERM', { code: 'INTERRUPTED', retryable: false }), 143],
    [new SluiceError('SIGINT', { code: 'INTERRUPTED', retryable: false }), 130],
    [new Error('SIGINT'), 1],
  ];
  test.each(codes)('%s ends the program with %i', (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });
});
