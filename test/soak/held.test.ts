import { expect, test } from '@jest/globals';
import { readHeld } from './held.ts';

test.each([
  [
    'resident memory less what is free of the heap',
    '{"rss":120,"heapTotal":60,"heapUsed":45,"external":5}',
    { bytes: 105, objectBytes: 50 },
  ],
  ['unknown while the file is being written', '{"rss":120,"hea', null],
  ['unknown of an empty file', '', null],
  ['unknown where a figure is missing', '{"rss":120,"heapTotal":60,"heapUsed":45}', null],
])('what a program holds is %s', (_, text, held) => expect(readHeld(text)).toEqual(held));
