import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FIRST_AT_A_TIME, WriteTurns } from './write-turns.ts';

describe('the turns to write a status', () => {
  let turns: WriteTurns;
  let called: string[];
  let nowMs: number;
  let hasRoom: boolean;

  beforeEach(() => {
    jest.useFakeTimers();
    called = [];
    nowMs = 0;
    hasRoom = true;
    turns = new WriteTurns({ onTurn: (key) => called.push(key), now: () => nowMs, hasRoom: () => hasRoom });
  });

  afterEach(() => {
    turns.close();
    jest.useRealTimers();
  });

  /** Uses up what may be written in one go. */
  function exhaust(): void {
    for (let index = 0; index < 10; index += 1) expect(turns.take(`first-${index}`, 'count')).toBe(true);
  }

  test('are ten in one go and ten more in each second from then on, all at a time', () => {
    exhaust();
    for (let index = 0; index < 100; index += 1) expect(turns.take(`idle-${index}`, 'idle')).toBe(false);
    jest.advanceTimersByTime(999);
    expect(called).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(called).toHaveLength(10);
    expect(turns.take('idle-0', 'idle')).toBe(true);
    expect(turns.waiting).toBe(90);
  });

  test('wait for room among all writes, but for a second at most, and hold up no change', () => {
    expect(turns.take('first', 'count')).toBe(true);
    hasRoom = false;
    for (const key of ['film', 'news', 'sport']) expect(turns.take(key, 'count')).toBe(false);
    jest.advanceTimersByTime(900);
    expect(called).toEqual([]);
    nowMs = 1000;
    jest.advanceTimersByTime(100);
    expect(called).toEqual(['film']);
    expect(turns.take('other', 'change')).toBe(true);
    hasRoom = true;
    jest.advanceTimersByTime(1000);
    expect(called).toEqual(['film', 'news', 'sport']);
  });

  test('come to watched channels first', () => {
    exhaust();
    turns.take('idle', 'idle');
    turns.take('watched', 'count');
    jest.advanceTimersByTime(1000);
    expect(called).toEqual(['watched', 'idle']);
  });

  test('come to an idle channel, too, however many are watched', () => {
    exhaust();
    turns.take('idle', 'idle');
    for (let index = 0; index < 20; index += 1) turns.take(`watched-${index}`, 'count');
    jest.advanceTimersByTime(1000);
    expect(called).toHaveLength(10);
    expect(called.indexOf('idle')).toBe(4);
  });

  test('come once to a channel that asks often', () => {
    exhaust();
    for (let index = 0; index < 10; index += 1) turns.take('film', index % 2 === 0 ? 'count' : 'idle');
    jest.advanceTimersByTime(1000);
    expect(called).toEqual(['film']);
  });

  test('are not saved up for more than a second, and cost nothing while nobody writes', () => {
    exhaust();
    jest.advanceTimersByTime(3_600_000);
    expect(jest.getTimerCount()).toBe(0);
    exhaust();
    expect(turns.take('film', 'count')).toBe(false);
  });

  test('can be reserved: once, until it is taken or nobody needs it', () => {
    for (let index = 0; index < 2; index += 1) expect(turns.reserve('film', 'count')).toBe(true);
    for (let index = 1; index < 10; index += 1) expect(turns.reserve(`first-${index}`, 'count')).toBe(true);
    expect(turns.reserve('news', 'count')).toBe(false);
    expect(turns.take('film', 'count')).toBe(true);
    turns.done('first-1');
    for (const key of ['film', 'first-1']) expect(turns.reserve(key, 'count')).toBe(false);
    jest.advanceTimersByTime(1000);
    expect(called).toEqual(['news', 'film', 'first-1']);
    expect(turns.reserve('news', 'count')).toBe(true);
  });

  test('need not be waited for by a change, but by one that changes with every segment', () => {
    exhaust();
    for (let index = 0; index < 6; index += 1) expect(turns.take('film', 'change')).toBe(true);
    expect(turns.take('film', 'change')).toBe(false);
    expect(turns.take('other', 'change')).toBe(true);
    nowMs = 30_000;
    expect(turns.take('film', 'change')).toBe(true);
    expect(turns.take('film', 'change')).toBe(false);
  });

  test('let a clock that goes back cost a channel nothing', () => {
    nowMs = 1_000_000;
    expect(turns.take('film', 'change')).toBe(true);
    nowMs = 0;
    expect(turns.take('film', 'change')).toBe(true);
  });

  test('come to first statuses as fast as those before them are written, a few at a time', () => {
    exhaust();
    for (let index = 0; index < FIRST_AT_A_TIME; index += 1) expect(turns.take(`new-${index}`, 'first')).toBe(true);
    for (const key of ['film', 'news']) expect(turns.take(key, 'first')).toBe(false);
    turns.done('new-0');
    expect(called).toEqual(['film']);
    expect(turns.take('film', 'first')).toBe(true);
    turns.done('sport'); // never had a first status under way
    turns.forget('film');
    expect(called).toEqual(['film', 'news']);
  });
});
