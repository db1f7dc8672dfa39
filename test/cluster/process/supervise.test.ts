import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  findDaemon,
  isRunning,
  listDaemons,
  ownIdentity,
  startDaemon,
  startTicksOf,
  stopDaemon,
  waitForDaemon,
} from './supervise.ts';

describe('startTicksOf', () => {
  const after = (state: string) => `${state} 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 0 0`;
  test.each([
    ['a plain name', `10 (etcd) ${after('S')}`, '98765'],
    ['a name with spaces and brackets', `10 (a) b (c)) ${after('R')}`, '98765'],
    ['a process that waits to be reaped', `10 (etcd) ${after('Z')}`, null],
  ])('%s', (_, text, expected) => expect(startTicksOf(text)).toBe(expected));
});

const linux = process.platform === 'linux' ? describe : describe.skip;

linux('a daemon', () => {
  let folder = '';
  const files = () => ({ pidDirectory: join(folder, 'pids'), logDirectory: join(folder, 'logs') });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-supervise-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('runs, writes its log, is found again, and is gone when stopDaemon returns', async () => {
    const log = () => readFileSync(join(folder, 'logs/sleeper.log'), 'utf8');
    const identity = await startDaemon(files(), 'sleeper', 'sh', ['-c', 'echo hello; exec sleep 60'], process.env);
    await waitForDaemon(files(), 'sleeper', 5, async () => log().includes('hello'));
    expect(findDaemon(files(), 'sleeper')).toEqual(identity);
    expect(await listDaemons(files())).toEqual(['sleeper']);
    await stopDaemon(files(), 'sleeper', 5);
    expect(isRunning(identity)).toBe(false);
    expect(await listDaemons(files())).toEqual([]);
    expect(log()).toBe('hello\n');
  });

  test('that ignores SIGTERM is killed after its grace', async () => {
    const identity = await startDaemon(
      files(),
      'deaf',
      'sh',
      ['-c', 'trap "" TERM; while :; do sleep 0.1; done'],
      process.env,
    );
    await stopDaemon(files(), 'deaf', 0.1);
    expect(isRunning(identity)).toBe(false);
  });

  test('that ends at once is reported with the end of its log', async () => {
    // A busy machine may let it end before startDaemon has looked at it, which then reports it.
    const startAndWait = async () => {
      await startDaemon(files(), 'broken', 'sh', ['-c', 'echo no such flag; sleep 0.05; exit 1'], process.env);
      await waitForDaemon(files(), 'broken', 5, async () => false);
    };
    await expect(startAndWait()).rejects.toThrow('no such flag');
  });

  test('whose pid now belongs to a stranger is not found, and the stranger is left alone', async () => {
    await startDaemon(files(), 'old', 'sleep', ['60'], process.env);
    await stopDaemon(files(), 'old', 5);
    writeFileSync(join(folder, 'pids/old.pid'), JSON.stringify({ ...ownIdentity(), startTicks: '1' }));
    expect(findDaemon(files(), 'old')).toBeNull();
    await stopDaemon(files(), 'old', 5);
    expect(existsSync(join(folder, 'pids/old.pid'))).toBe(false);
  });
});
