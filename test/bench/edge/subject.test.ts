import { spawn } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { firstWordsOf } from './subject.ts';

function sh(script: string) {
  return spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
}

describe('what a program says first', () => {
  test('is what stands on its standard output', async () => {
    expect(await firstWordsOf(sh('echo http://127.0.0.1:1'))).toBe('http://127.0.0.1:1');
  });

  test('is not waited for where it has ended', async () => {
    await expect(firstWordsOf(sh('exit 3'))).rejects.toThrow('ended (3) before it said a word: /bin/sh -c exit 3');
  });

  test('is not waited for where it cannot be started', async () => {
    await expect(firstWordsOf(spawn('/no/such/program'))).rejects.toThrow('ENOENT');
  });
});
