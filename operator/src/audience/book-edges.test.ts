import { describe, expect, test } from '@jest/globals';
import { deskOf, joined, processOf, sync } from './book.testing.ts';
import { AudienceBook } from './book.ts';

describe('the audience book, as edges come and go,', () => {
  test('is as old as the silence of the edge that may have viewers of the channel', () => {
    const { book, clock } = deskOf();
    const after = (seconds: number): void => {
      clock.nowMs = 3_600_000 + seconds * 1000;
    };
    book.follow({ uid: 'long', timeoutSeconds: 300, peak: 0 });
    sync(book, 'b');
    after(10);
    expect(book.ageSeconds('c')).toBe(0);
    book.edgeLost('a');
    after(15);
    expect(book.ageSeconds('c')).toBe(5);
    book.edgeGone('a');
    after(20);
    expect([book.ageSeconds('c'), book.ageSeconds('long')]).toEqual([10, 10]);
    after(80);
    expect([book.ageSeconds('c'), book.ageSeconds('long')]).toEqual([0, 70]);
    expect([book.count('c').state, book.count('long').state]).toEqual(['known', 'stale']);
  });

  test('is as old as the operator while no edge was heard of, until nobody can be watching', () => {
    const clock = { nowMs: 0 };
    const book = new AudienceBook({ now: () => clock.nowMs, onChange: () => {}, onEdgeChange: () => {} });
    book.follow({ uid: 'c', timeoutSeconds: 60, peak: 0 });
    clock.nowMs = 59_000;
    expect(book.ageSeconds('c')).toBe(59);
    clock.nowMs = 60_000;
    expect(book.ageSeconds('c')).toBe(0);
  });

  test('knows nothing of a standby time: what edges told the predecessor is unknown when it begins', () => {
    const clock = { nowMs: 0 };
    const book = new AudienceBook({ now: () => clock.nowMs, onChange: () => {}, onEdgeChange: () => {} });
    book.follow({ uid: 'c', timeoutSeconds: 60, peak: 0 });
    clock.nowMs = 3_600_000;
    book.begin();
    expect(book.count('c')).toMatchObject({ state: 'unknown', nextChangeMs: 3_660_000 });
  });

  test('knows nothing for sure while a ready edge was never heard of', () => {
    const { book } = deskOf();
    book.edgeSeen('b', true);
    expect(book.count('c').state).toBe('unknown');
    book.edgeConnected('b');
    book.edgeSynced('b');
    expect(book.count('c').state).toBe('known');
  });

  test('expects no viewers on a new edge that is not ready yet', () => {
    const { book } = deskOf();
    book.edgeSeen('b', false);
    expect(book.count('c').state).toBe('known');
  });

  test('does not take the silence of its own first minute for an empty house', () => {
    const clock = { nowMs: 0 };
    const book = new AudienceBook({ now: () => clock.nowMs, onChange: () => {}, onEdgeChange: () => {} });
    book.follow({ uid: 'c', timeoutSeconds: 60, peak: 0 });
    expect(book.count('c')).toMatchObject({ state: 'unknown', nextChangeMs: 60_000 });
    book.edgeSeen('a', false);
    expect(book.count('c')).toMatchObject({ state: 'unknown', nextChangeMs: 60_000 });
    clock.nowMs = 60_000;
    expect(book.count('c')).toMatchObject({ state: 'known', nextChangeMs: null });
  });

  test('keeps the viewers of an edge whose link is down, marked stale', () => {
    const { book, changed } = deskOf();
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1'), left: [] });
    changed.length = 0;
    book.edgeLost('a');
    expect(book.count('c')).toMatchObject({ state: 'stale', viewers: 1, nextChangeMs: null });
    expect(changed).toEqual(['all']);
  });

  test('counts an edge whose pod is gone as empty after timeoutSeconds', () => {
    const { book, clock } = deskOf();
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1'), left: [] });
    book.edgeGone('a');
    expect(book.count('c')).toMatchObject({ state: 'stale', viewers: 1, nextChangeMs: clock.nowMs + 60_000 });
    clock.nowMs += 60_000;
    expect(book.count('c')).toMatchObject({ state: 'known', viewers: 0, nextChangeMs: null });
  });

  test('does not take the fresh memory of a restarted process for an empty house', () => {
    const { book, clock } = deskOf();
    book.edgeConnected('a', processOf('first'));
    book.edgeSynced('a');
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1', '2'), left: [] });
    book.edgeLost('a');
    clock.nowMs += 1_000;
    book.edgeConnected('a', processOf('second'));
    book.edgeSynced('a');
    expect(book.count('c')).toMatchObject({ state: 'stale', viewers: 2, nextChangeMs: clock.nowMs + 59_000 });
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1'), left: [] });
    book.viewers('a', { uid: 'c', snapshot: false, joined: [], left: ['1'] });
    expect(book.count('c')).toMatchObject({ viewers: 1 });
    clock.nowMs += 59_000;
    expect(book.count('c')).toMatchObject({ state: 'known', viewers: 0, nextChangeMs: null });
  });

  test('waits for the viewers of a process that was started again while no operator was there', () => {
    const { book, clock } = deskOf();
    book.edgeSeen('b', true);
    book.edgeConnected('b', { instance: 'second', restartedSecondsAgo: 20 });
    book.edgeSynced('b');
    expect(book.count('c')).toMatchObject({ state: 'stale', nextChangeMs: clock.nowMs + 40_000 });
    clock.nowMs += 40_000;
    expect(book.count('c')).toMatchObject({ state: 'known', nextChangeMs: null });
  });

  test('counts the viewers of a process that was not heard for long from when another one took its place', () => {
    const { book, clock } = deskOf();
    book.edgeConnected('a', processOf('first'));
    book.edgeSynced('a');
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1'), left: [] });
    book.edgeLost('a');
    clock.nowMs += 100_000;
    book.edgeConnected('a', { instance: 'second', restartedSecondsAgo: 20 });
    book.edgeSynced('a');
    expect(book.count('c')).toMatchObject({ state: 'stale', viewers: 1, nextChangeMs: clock.nowMs + 40_000 });
    expect(book.ageSeconds('c')).toBe(100);
    clock.nowMs += 40_000;
    expect(book.count('c')).toMatchObject({ state: 'known', viewers: 0 });
  });

  test('takes a reconnect of the same process at its word', () => {
    const { book } = deskOf();
    book.edgeConnected('a', processOf('first'));
    book.edgeSynced('a');
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1'), left: [] });
    book.edgeLost('a');
    book.edgeConnected('a', processOf('first'));
    book.edgeSynced('a');
    expect(book.count('c')).toMatchObject({ state: 'known', viewers: 0 });
  });

  test('lets viewers of an edge that is gone leave by way of the edge that they have come to', () => {
    const { book } = deskOf();
    sync(book, 'b');
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1', '2', '3', '4'), left: [] });
    book.viewers('b', { uid: 'c', snapshot: false, joined: joined('1'), left: [] });
    book.edgeGone('a');
    book.viewers('b', { uid: 'c', snapshot: false, joined: joined('2'), left: ['1'] });
    expect(book.count('c')).toMatchObject({ state: 'stale', viewers: 3 });
    book.viewers('b', { uid: 'c', snapshot: false, joined: [], left: ['2'] });
    expect(book.left('b', { uid: 'c', ids: ['3'], secondsAgo: 0 })).toEqual(new Map());
    expect(book.count('c')).toMatchObject({ state: 'stale', viewers: 1 });
  });

  test('tells an edge that is linked again of the goodbyes that it missed, with their age', () => {
    const { book, clock } = deskOf();
    sync(book, 'b');
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1', '2'), left: [] });
    book.edgeLost('a');
    book.left('b', { uid: 'c', ids: ['1', 'unknown'], secondsAgo: 1 });
    clock.nowMs += 4_500;
    book.edgeConnected('a');
    book.viewers('a', { uid: 'c', snapshot: true, joined: joined('1', '2'), left: [] });
    expect(book.edgeSynced('a')).toEqual([{ uid: 'c', ids: ['1'], secondsAgo: 5.5 }]);
    book.edgeConnected('a');
    expect(book.edgeSynced('a')).toEqual([]);
  });

  test('tells an edge again of a goodbye that may have been lost with its link', () => {
    const { book, clock } = deskOf();
    sync(book, 'b');
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1'), left: [] });
    expect([...book.left('b', { uid: 'c', ids: ['1'], secondsAgo: 0 }).keys()]).toEqual(['a']);
    clock.nowMs += 20_000;
    book.edgeLost('a');
    clock.nowMs += 250;
    book.edgeConnected('a');
    book.viewers('a', { uid: 'c', snapshot: true, joined: joined('1'), left: [] });
    expect(book.edgeSynced('a')).toEqual([{ uid: 'c', ids: ['1'], secondsAgo: 20.25 }]);
  });

  test('tells an edge of a goodbye that was heard elsewhere before the edge itself told of the viewer', () => {
    const { book, clock } = deskOf();
    sync(book, 'b');
    expect(book.left('b', { uid: 'c', ids: ['1'], secondsAgo: 0 })).toEqual(new Map());
    clock.nowMs += 100;
    const joins = (...ids: string[]) =>
      book.viewers('a', { uid: 'c', snapshot: false, joined: joined(...ids), left: [] });
    expect(joins('2')).toEqual([]);
    expect(joins('1', '3')).toEqual([{ uid: 'c', ids: ['1'], secondsAgo: 0.1 }]);
    expect(joins('4')).toEqual([]);
    clock.nowMs += 20_000; // an edge that has much to say, or the viewer has come back, and the goodbye is void
    expect(joins('1')).toEqual([{ uid: 'c', ids: ['1'], secondsAgo: 20.1 }]);
    clock.nowMs += 10_000;
    expect(joins('1')).toEqual([]);
  });

  test.each([
    { what: 'its pod is gone', end: (book: AudienceBook) => book.edgeGone('a') },
    { what: 'another process serves', end: (book: AudienceBook) => book.edgeConnected('a', processOf('second')) },
  ])('lets go who said goodbye elsewhere while an edge could not be told, when $what', ({ end }) => {
    const { book, clock } = deskOf();
    book.edgeConnected('a', processOf('first'));
    book.edgeSynced('a');
    sync(book, 'b');
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1', '2', '3'), left: [] });
    clock.nowMs += 1_000;
    book.edgeLost('a');
    book.left('b', { uid: 'c', ids: ['1'], secondsAgo: 0 });
    book.left('b', { uid: 'c', ids: ['2'], secondsAgo: 5 }); // came to `a` since
    clock.nowMs += 50_000;
    end(book);
    expect(book.count('c')).toMatchObject({ state: 'stale', viewers: 2 });
  });

  test('tells no edge of what was said to itself: who comes again there at once, stays', () => {
    const { book, clock } = deskOf();
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1'), left: [] });
    book.left('a', { uid: 'c', ids: ['1'], secondsAgo: 0 });
    clock.nowMs += 100;
    expect(book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1'), left: [] })).toEqual([]);
  });

  test('takes no viewer from an edge that is gone for a goodbye that was said before the viewer came there', () => {
    const { book, clock } = deskOf();
    sync(book, 'b');
    clock.nowMs += 10_000;
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1'), left: [] });
    book.edgeGone('a');
    book.left('b', { uid: 'c', ids: ['1'], secondsAgo: 5 });
    expect(book.count('c')).toMatchObject({ state: 'stale', viewers: 1 });
    book.left('b', { uid: 'c', ids: ['1'], secondsAgo: 0 });
    expect(book.count('c')).toMatchObject({ state: 'stale', viewers: 0 });
  });

  test('forgets an edge long after its pod has gone', () => {
    const { book, clock } = deskOf();
    book.edgeGone('a');
    clock.nowMs += 60_000;
    book.sweep();
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1'), left: [] });
    expect(book.count('c')).toMatchObject({ state: 'known', viewers: 0 });
  });
});
