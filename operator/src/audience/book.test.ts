import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AudienceBook } from './book.ts';
import type { EdgeProcess } from './edge-presence.ts';

interface Desk {
  book: AudienceBook;
  changed: string[];
  clock: { nowMs: number };
}

/** A book that follows channel `c` (timeout 60 s), an hour after the operator's start, with a synced edge `a`. */
function deskOf(): Desk {
  const clock = { nowMs: 0 };
  const changed: string[] = [];
  const book = new AudienceBook({
    now: () => clock.nowMs,
    onChange: (uid) => changed.push(uid),
    onEdgeChange: () => changed.push('all'),
  });
  clock.nowMs = 3_600_000;
  book.follow({ uid: 'c', timeoutSeconds: 60, peak: 0 });
  sync(book, 'a');
  return { book, changed, clock };
}

function sync(book: AudienceBook, edge: string): void {
  book.edgeSeen(edge, true);
  book.edgeConnected(edge);
  book.edgeSynced(edge);
}

function processOf(instance: string): EdgeProcess {
  return { instance, restartedSecondsAgo: null };
}

function joined(...ids: string[]): { id: string; trusted: boolean }[] {
  return ids.map(trusting);
}

function trusting(id: string): { id: string; trusted: boolean } {
  return { id, trusted: true };
}

describe('the audience book', () => {
  test('counts an id once on however many edges', () => {
    const { book } = deskOf();
    sync(book, 'b');
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1', '2'), left: [] });
    book.viewers('b', { uid: 'c', snapshot: false, joined: joined('2', '3'), left: [] });
    expect(book.count('c')).toMatchObject({ state: 'known', viewers: 3, trusted: 3, peak: 3 });
    book.viewers('a', { uid: 'c', snapshot: false, joined: [], left: ['2'] });
    expect(book.count('c')).toMatchObject({ viewers: 3 });
    book.viewers('b', { uid: 'c', snapshot: false, joined: [], left: ['2'] });
    expect(book.count('c')).toMatchObject({ viewers: 2, peak: 3 });
  });

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

  test('trusts an id that one edge trusts', () => {
    const { book } = deskOf();
    sync(book, 'b');
    book.viewers('a', { uid: 'c', snapshot: false, joined: [{ id: '1', trusted: false }], left: [] });
    expect(book.count('c')).toMatchObject({ viewers: 1, trusted: 0 });
    book.viewers('b', { uid: 'c', snapshot: false, joined: joined('1'), left: [] });
    expect(book.count('c')).toMatchObject({ viewers: 1, trusted: 1 });
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

  test('drops what a reconnected edge no longer mentions', () => {
    const { book } = deskOf();
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1'), left: [] });
    book.edgeLost('a');
    book.edgeConnected('a');
    expect(book.count('c')).toMatchObject({ state: 'stale', viewers: 1 });
    book.edgeSynced('a');
    expect(book.count('c')).toMatchObject({ state: 'known', viewers: 0 });
  });

  test('keeps what edges say of a channel until it is followed: who was not heard of is not nobody', () => {
    const { book } = deskOf();
    book.edgeConnected('a');
    book.viewers('a', { uid: 'x', snapshot: true, joined: joined('1', '2'), left: [] });
    book.edgeSynced('a');
    book.viewers('a', { uid: 'x', snapshot: false, joined: joined('3'), left: ['2'] });
    expect(book.refused()).toEqual({ unknownChannel: 2, tooManyIds: 0 });
    expect(book.count('x')).toMatchObject({ state: 'unknown', viewers: 0 });
    book.follow({ uid: 'x', timeoutSeconds: 60, peak: 1 });
    expect(book.count('x')).toMatchObject({ state: 'known', viewers: 2, peak: 2 });
  });

  test('knows no count of a channel of which too much was said before it was followed, until it is said again', () => {
    const { book } = deskOf();
    const flood = Array.from({ length: 1_100 }, (_, index) => `flood-${index}`);
    for (const uid of flood) book.viewers('a', { uid, snapshot: false, joined: joined('1'), left: [] });
    const [first = '', last = ''] = [flood[0], flood.at(-1)];
    for (const uid of [first, last]) book.follow({ uid, timeoutSeconds: 60, peak: 0 });
    expect(book.count(last)).toMatchObject({ state: 'unknown', viewers: 0 });
    book.edgeLost('a');
    book.edgeConnected('a');
    for (const uid of [first, last]) book.viewers('a', { uid, snapshot: true, joined: joined('1'), left: [] });
    book.edgeSynced('a');
    for (const uid of [first, last]) expect(book.count(uid)).toMatchObject({ state: 'known', viewers: 1 });
  });

  test('forgets what was said of a channel that is gone', () => {
    const { book } = deskOf();
    book.forget('c');
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1'), left: [] });
    book.viewers('a', { uid: 'c', snapshot: false, joined: [], left: ['1'] });
    book.follow({ uid: 'c', timeoutSeconds: 60, peak: 0 });
    expect(book.count('c')).toMatchObject({ state: 'known', viewers: 0, peak: 0 });
  });

  test('bounds what one edge can make it remember', () => {
    const { book } = deskOf();
    const flood = Array.from({ length: 150_000 }, (_, index) => index.toString(16).padStart(16, '0'));
    const others = flood.map((id) => `f${id.slice(1)}`);
    book.viewers('a', { uid: 'c', snapshot: false, joined: flood.map(trusting), left: [] });
    book.viewers('a', { uid: 'c', snapshot: false, joined: others.map(trusting), left: [] });
    expect(book.count('c').viewers).toBe(200_000);
    expect(book.refused().tooManyIds).toBe(100_000);
  });

  test('dates a sign of life at the earliest moment it can have happened', () => {
    const { book, clock } = deskOf();
    book.viewers('a', { uid: 'c', snapshot: false, joined: joined('1'), left: [] });
    const joinedAt = clock.nowMs;
    clock.nowMs += 10_000;
    book.signs('c', ['1', 'never-joined']);
    expect(book.aliveSince('c', joinedAt + 8_000, false)).toBe(1);
    expect(book.aliveSince('c', joinedAt + 8_001, false)).toBe(0);
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

type Message =
  | { kind: 'change'; edge: string; joined: { id: string; trusted: boolean }[]; left: string[] }
  | { kind: 'snapshot'; edge: string; joined: { id: string; trusted: boolean }[] }
  | { kind: 'reconnect'; edge: string; joined: { id: string; trusted: boolean }[] }
  | { kind: 'gone'; edge: string };

const edges = fc.constantFrom('a', 'b', 'c');
const id = fc.constantFrom(...'0123456789');
const ids = fc.uniqueArray(fc.record({ id, trusted: fc.boolean() }), { selector: (entry) => entry.id, maxLength: 6 });
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    kind: fc.constant('change' as const),
    edge: edges,
    joined: ids,
    left: fc.uniqueArray(id, { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant('snapshot' as const), edge: edges, joined: ids }),
  fc.record({ kind: fc.constant('reconnect' as const), edge: edges, joined: ids }),
  fc.record({ kind: fc.constant('gone' as const), edge: edges }),
);

describe('under any order of messages', () => {
  test('the count equals the union of what the edges said last', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
        const { book, clock } = deskOf();
        for (const edge of ['b', 'c']) sync(book, edge);
        const model = new Map<string, Map<string, boolean>>();
        for (const entry of messages) {
          play(book, clock, entry);
          if (entry.kind === 'gone') model.delete(entry.edge);
          else if (entry.kind === 'change') {
            const said = model.get(entry.edge) ?? new Map<string, boolean>();
            for (const viewer of entry.joined) said.set(viewer.id, viewer.trusted);
            for (const gone of entry.left) said.delete(gone);
            model.set(entry.edge, said);
          } else model.set(entry.edge, new Map(entry.joined.map((viewer) => [viewer.id, viewer.trusted])));
          const all = [...model.values()].flatMap((said) => [...said]);
          const viewers = new Set(all.map(([viewer]) => viewer)).size;
          const trusted = new Set(all.filter(([, trust]) => trust).map(([viewer]) => viewer)).size;
          expect(book.count('c')).toMatchObject({ state: 'known', viewers, trusted });
        }
      }),
    );
  });
});

function play(book: AudienceBook, clock: { nowMs: number }, entry: Message): void {
  if (entry.kind === 'gone') {
    book.edgeGone(entry.edge);
    clock.nowMs += 60_000;
    book.count('c');
    sync(book, entry.edge);
    return;
  }
  if (entry.kind === 'reconnect') {
    book.edgeLost(entry.edge);
    book.edgeConnected(entry.edge);
  }
  const left = entry.kind === 'change' ? entry.left : [];
  book.viewers(entry.edge, { uid: 'c', snapshot: entry.kind !== 'change', joined: entry.joined, left });
  if (entry.kind === 'reconnect') book.edgeSynced(entry.edge);
}
