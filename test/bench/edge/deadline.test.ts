import { expect, test } from '@jest/globals';
import { within } from './deadline.ts';

test('work in time comes to what it comes to', async () => {
  expect(await within(60, 'to answer', async () => 42)).toBe(42);
});

test('work that fails fails so', async () => {
  await expect(within(60, 'to answer', () => Promise.reject(new Error('no nginx')))).rejects.toThrow('no nginx');
});

test('work that never ends is given up', async () => {
  await expect(within(0.001, 'to answer', () => new Promise(() => {}))).rejects.toThrow(
    'not done within 0.001 s: to answer',
  );
});
