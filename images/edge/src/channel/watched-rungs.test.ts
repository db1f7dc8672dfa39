import { expect, test } from '@jest/globals';
import { emptyLog, longerLog } from '../testing/log.ts';
import { filesOf, firstFreshMsn, WatchedRungs } from './watched-rungs.ts';

test('a rung is watched for three target durations after the last request, and ten seconds at least', () => {
  let now = 0;
  const rungs = new WatchedRungs(() => now);
  rungs.asked('source');
  now = 5_000;
  rungs.asked('360p');
  now = 10_000;
  expect(rungs.names(2)).toEqual(['source', '360p']);
  now = 10_001;
  expect(rungs.names(2)).toEqual(['360p']);
  now = 17_000;
  rungs.asked('240p');
  expect(rungs.names(4)).toEqual(['360p', '240p']);
  rungs.clear();
  expect(rungs.names(4)).toEqual([]);
});

test('files of a log are those that are stored, from a number on', () => {
  let log = emptyLog();
  for (const name of ['s/1', 'http://source/2.ts', 's/3', 's/4', 's/5', 's/6']) log = longerLog(log, name);
  const first = log.firstListedMsn;
  expect([...filesOf(log, ['source'], first)]).toEqual(['s/1', 's/3', 's/4', 's/5', 's/6']);
  expect([...filesOf(log, ['source'], firstFreshMsn(log))]).toEqual(['s/3', 's/4', 's/5', 's/6']);
  expect([...filesOf(log, ['source'], null)]).toEqual(['s/6']);
  expect([...filesOf(log, [], first)]).toEqual([]);
  expect([...filesOf(log, ['no such rung'], first)]).toEqual([]);
});
