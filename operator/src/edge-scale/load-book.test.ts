import { expect, test } from '@jest/globals';
import { LoadBook } from './load-book.ts';

const LOAD = { egressBitsPerSecond: 5e6, requestsPerSecond: 12 };

test('a load is known until five reports are missing, or the pod is gone', () => {
  let nowMs = 0;
  const book = new LoadBook(() => nowMs);
  expect(book.of('a')).toBeNull();
  book.take('a', LOAD);
  nowMs = 27_000;
  expect(book.of('a')).toEqual(LOAD);
  nowMs = 28_000;
  expect(book.of('a')).toBeNull();
  book.take('a', LOAD);
  book.forget('a');
  expect(book.of('a')).toBeNull();
});

test('a number beyond reason is unknown, not huge', () => {
  const book = new LoadBook(() => 0);
  book.take('a', { egressBitsPerSecond: 1e15, requestsPerSecond: Number.POSITIVE_INFINITY });
  expect(book.of('a')).toEqual({ egressBitsPerSecond: null, requestsPerSecond: null });
});
