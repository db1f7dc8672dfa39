import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { WriteTurns } from './write-turns.ts';

describe('the turns to write a status', () => {
  let turns: WriteTurns;
  let called: string[];

  beforeEach(() => {
    jest.useFakeTimers();
    called = [];
    turns = new WriteTurns((key) => called.push(key));
  });

  afterEach(() => {
    turns.close();
    jest.useRealTimers();
  });

  /** Uses up what may be written in one go. */
  function exhaust(): void {
    for (let index = 0; index < 20; index += 1) expect(turns.take(`first-${index}`, true)).toBe(true);
  }

  test('are twenty in one go and twenty a second from then on', () => {
    exhaust();
    for (let index = 0; index < 100; index += 1) expect(turns.take(`idle-${index}`, false)).toBe(false);
    jest.advanceTimersByTime(1000);
    expect(called).toHaveLength(20);
    expect(turns.take('idle-0', false)).toBe(true);
    expect(turns.waiting).toBe(80);
  });

  test('come to watched channels first', () => {
    exhaust();
    turns.take('idle', false);
    turns.take('watched', true);
    jest.advanceTimersByTime(100);
    expect(called).toEqual(['watched', 'idle']);
  });

  test('come once to a channel that asks often', () => {
    exhaust();
    for (let index = 0; index < 10; index += 1) turns.take('film', index % 2 === 0);
    jest.advanceTimersByTime(1000);
    expect(called).toEqual(['film']);
  });

  test('are not saved up for more than a second, and cost nothing while nobody writes', () => {
    exhaust();
    jest.advanceTimersByTime(3_600_000);
    expect(jest.getTimerCount()).toBe(0);
    exhaust();
    expect(turns.take('film', true)).toBe(false);
  });
});
