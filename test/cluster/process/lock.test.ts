import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { withLock } from './lock.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('two holders of one lock work one after the other, and the second is told whom it waits for', async () => {
  const events: string[] = [];
  const told: number[] = [];
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let start = () => {};
  const started = new Promise<void>((resolve) => {
    start = resolve;
  });
  const first = withLock(
    folder,
    'a',
    () => {},
    async () => {
      events.push('first starts');
      start();
      await held;
      events.push('first ends');
    },
  );
  await started;
  const second = withLock(
    folder,
    'a',
    (pid) => {
      told.push(pid);
      release();
    },
    async () => events.push('second'),
  );
  await Promise.all([first, second]);
  expect(events).toEqual(['first starts', 'first ends', 'second']);
  expect(told).toEqual([process.pid]);
});

test('a lock is free again after its work has failed', async () => {
  await expect(
    withLock(
      folder,
      'a',
      () => {},
      () => Promise.reject(new Error('broken')),
    ),
  ).rejects.toThrow('broken');
  await expect(
    withLock(
      folder,
      'a',
      () => {},
      async () => 'free',
    ),
  ).resolves.toBe('free');
});

test('a lock whose holder has died is taken over', async () => {
  writeFileSync(join(folder, 'a.lock'), JSON.stringify({ pid: process.pid, startTicks: '1' }));
  await expect(
    withLock(
      folder,
      'a',
      () => {},
      async () => 'mine',
    ),
  ).resolves.toBe('mine');
});
