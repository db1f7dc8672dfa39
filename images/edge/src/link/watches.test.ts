import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { EdgeMessage } from '@sluice/common/link/messages.ts';
import { Watches } from './watches.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function create() {
  const watches = new Watches(() => Date.now());
  const sent: EdgeMessage[] = [];
  return { watches, sent, connect: () => watches.connect({ send: (message) => sent.push(message) }) };
}

/** Whether a promise is settled by now. */
async function isSettled(promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => true), Promise.resolve().then(() => Promise.resolve().then(() => false))]);
}

describe('Watches', () => {
  test('ask once, wait for the first answer, and ask again after half a minute', async () => {
    const { watches, sent, connect } = create();
    connect();
    const first = watches.ask('uid-film');
    const second = watches.ask('uid-film');
    expect(await isSettled(first)).toBe(false);
    watches.heard('uid-film');
    await Promise.all([first, second, watches.ask('uid-film')]);
    expect(sent).toEqual([{ type: 'watch', uid: 'uid-film' }]);
    jest.advanceTimersByTime(30_000);
    void watches.ask('uid-film');
    expect(sent).toHaveLength(2);
  });

  test('wait no longer than 250 ms, and not at all where no operator is', async () => {
    const { watches, connect } = create();
    await watches.ask('uid-film');
    connect();
    const asked = watches.ask('uid-film');
    jest.advanceTimersByTime(250);
    await asked;
    const cut = watches.ask('uid-news');
    watches.disconnect();
    await cut;
    expect(jest.getTimerCount()).toBe(0);
  });
});
