import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { deskOf, joined, processOf, sync, trusting } from './book.testing.ts';
import { AudienceBook } from './book.ts';

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

  test('trusts an id that one edge trusts', () => {
    const { book } = deskOf();
    sync(book, 'b');
    book.viewers('a', { uid: 'c', snapshot: false, joined: [{ id: '1', trusted: false }], left: [] });
    expect(book.count('c')).toMatchObject({ viewers: 1, trusted: 0 });
    book.viewers('b', { uid: 'c', snapshot: false, joined: joined('1'), left: [] });
    expect(book.count('c')).toMatchObject({ viewers: 1, trusted: 1 });
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
    const { book, changed } = deskOf();
    const flood = Array.from({ length: 1_100 }, (_, index) => `flood-${index}`);
    for (const uid of flood) book.viewers('a', { uid, snapshot: false, joined: joined('1'), left: [] });
    const [first = '', last = ''] = [flood[0], flood.at(-1)];
    for (const uid of [first, last]) book.follow({ uid, timeoutSeconds: 60, peak: 0 });
    expect(book.count(last)).toMatchObject({ state: 'unknown', viewers: 0 });
    expect(changed).toContain('again a');
    book.edgeLost('a');
    book.edgeConnected('a');
    for (const uid of [first, last]) book.viewers('a', { uid, snapshot: true, joined: joined('1'), left: [] });
    book.edgeSynced('a');
    for (const uid of [first, last]) expect(book.count(uid)).toMatchObject({ state: 'known', viewers: 1 });
    changed.length = 0;
    book.follow({ uid: 'other', timeoutSeconds: 60, peak: 0 });
    expect(changed).toEqual([]);
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
    const flood = Array.from({ length: 70_000 }, (_, index) => index.toString(16).padStart(16, '0'));
    const others = flood.map((id) => `f${id.slice(1)}`);
    book.viewers('a', { uid: 'c', snapshot: false, joined: flood.map(trusting), left: [] });
    book.viewers('a', { uid: 'c', snapshot: false, joined: others.map(trusting), left: [] });
    expect(book.count('c').viewers).toBe(120_000);
    expect(book.refused().tooManyIds).toBe(20_000);
  });

  test('bounds it over all channels, and over all processes that have served in the pod', () => {
    const book = new AudienceBook({ now: () => 0, onChange: () => {}, onEdgeChange: () => {}, maxIdsOfEdge: 7 });
    const uids = ['c', 'd', 'e'];
    for (const uid of uids) book.follow({ uid, timeoutSeconds: 60, peak: 0 });
    sync(book, 'a');
    const fill = (...of: string[]) => {
      for (const uid of of) book.viewers('a', { uid, snapshot: false, joined: joined('1', '2', '3'), left: [] });
      return of.map((uid) => book.count(uid).viewers);
    };
    expect(fill(...uids)).toEqual([3, 3, 1]);
    expect(book.refused().tooManyIds).toBe(2);
    book.edgeConnected('a', processOf('one'));
    book.edgeConnected('a', processOf('two'));
    expect(fill(...uids)).toEqual([3, 3, 1]);
    book.forget('c');
    expect(fill('d', 'e')).toEqual([3, 3]);
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
