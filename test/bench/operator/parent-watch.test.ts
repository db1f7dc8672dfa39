import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { ENDS_WITH_PARENT } from './parent-watch.ts';

function start(program: string): ChildProcess {
  return spawn(process.execPath, [...ENDS_WITH_PARENT, '-e', program], { stdio: ['pipe', 'ignore', 'inherit'] });
}

test('a child that would run for ever ends when its input does, as when its parent is killed', async () => {
  const child = start('setInterval(() => {}, 1e6)');
  const ended = once(child, 'exit');
  child.stdin?.end();
  expect(await ended).toEqual([1, null]);
});

test('a child that has done its work ends by itself', async () => {
  expect(await once(start('0'), 'exit')).toEqual([0, null]);
});
