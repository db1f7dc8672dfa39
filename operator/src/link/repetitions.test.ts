import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Repetitions } from './repetitions.ts';

describe('an edge that is to say everything again', () => {
  let asked: string[];
  let repetitions: Repetitions;

  beforeEach(() => {
    jest.useFakeTimers();
    asked = [];
    repetitions = new Repetitions((podUid) => asked.push(podUid));
  });

  afterEach(() => {
    repetitions.close();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  test('is asked at once, then once a minute for as long as that is wanted', () => {
    for (const podUid of ['a', 'a', 'b', 'a']) repetitions.want(podUid);
    expect(asked).toEqual(['a', 'b']);
    jest.advanceTimersByTime(59_999);
    expect(asked).toEqual(['a', 'b']);
    jest.advanceTimersByTime(1);
    expect(asked).toEqual(['a', 'b', 'a']);
    jest.advanceTimersByTime(600_000);
    expect(asked).toEqual(['a', 'b', 'a']);
    repetitions.want('a');
    expect(asked).toEqual(['a', 'b', 'a', 'a']);
  });

  test('is not asked when it is gone', () => {
    for (const podUid of ['a', 'a']) repetitions.want(podUid);
    repetitions.forget('a');
    jest.advanceTimersByTime(600_000);
    expect(asked).toEqual(['a']);
  });
});
