import { expect, test } from '@jest/globals';
import { readProcess } from './processes.ts';

const STAT = '4711 (nginx: (a) b) S 815 4711 4711 0 -1 4194560 1 0 0 0 10 20 0 0 20 0 1 0 123456 1000 200';

test('a process is read with its parent and the time of its start, whatever its name', () => {
  expect(readProcess(4711, () => STAT)).toEqual({
    pid: 4711,
    parent: 815,
    startedAt: '123456',
    name: 'nginx: (a) b',
  });
});

test('neither a zombie nor a process that is gone runs', () => {
  expect(readProcess(4711, () => STAT.replace(' S ', ' Z '))).toBeNull();
  const gone = () => {
    throw new Error('ENOENT');
  };
  expect(readProcess(4711, gone)).toBeNull();
});
