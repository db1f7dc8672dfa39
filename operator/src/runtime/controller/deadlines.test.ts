import { beforeEach, describe, expect, test } from '@jest/globals';
import { ManualClock } from '../testing/manual-clock.ts';
import { Deadlines } from './deadlines.ts';

describe('deadlines', () => {
  let clock: ManualClock;
  let late: string[];
  let deadlines: Deadlines;

  beforeEach(() => {
    clock = new ManualClock();
    late = [];
    deadlines = new Deadlines(clock, 1000);
  });

  const begin = (name: string) => deadlines.begin(() => late.push(name));

  test('are told of work that has not ended, each at its time', () => {
    begin('first');
    clock.advance(600);
    begin('second');
    clock.advance(399);
    expect(late).toEqual([]);
    clock.advance(1);
    expect(late).toEqual(['first']);
    clock.advance(599);
    expect(late).toEqual(['first']);
    clock.advance(1);
    expect(late).toEqual(['first', 'second']);
  });

  test('are not told of work that has ended, nor of any after the close', () => {
    const end = begin('first');
    clock.advance(500);
    end();
    begin('second');
    clock.advance(999);
    expect(late).toEqual([]);
    clock.advance(1);
    expect(late).toEqual(['second']);
    begin('third');
    deadlines.close();
    clock.advance(5000);
    expect(late).toEqual(['second']);
  });

  test('need one timer for any number of works', () => {
    for (let count = 0; count < 100; count += 1) begin(String(count))();
    expect(clock.timers).toEqual([1000]);
  });
});
