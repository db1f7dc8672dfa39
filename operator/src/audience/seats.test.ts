import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { AudienceBook } from './book.ts';
import { Seats } from './seats.ts';
import { ChannelAudience } from './union.ts';

const LIMIT = 3;

function deskOf(edges: readonly string[] = ['a', 'b']) {
  const clock = { nowMs: 0 };
  const book = new AudienceBook({ now: () => clock.nowMs, onChange: () => {}, onEdgeChange: () => {} });
  clock.nowMs = 3_600_000;
  book.follow({ uid: 'c', timeoutSeconds: 60, peak: 0, maxViewers: LIMIT });
  for (const edge of edges) {
    book.edgeSeen(edge, true);
    book.edgeConnected(edge);
    book.edgeSynced(edge);
  }
  const join = (edge: string, ...ids: string[]): void => {
    book.viewers(edge, { uid: 'c', snapshot: false, joined: ids.map((id) => ({ id, trusted: true })), left: [] });
  };
  const leave = (edge: string, ...ids: string[]): void => {
    book.viewers(edge, { uid: 'c', snapshot: false, joined: [], left: ids });
  };
  const ask = (edge: string, provisional: boolean, ids: readonly string[], uid = 'c') =>
    book.admit(uid, { edge, ids, holdSeconds: provisional ? 2 : 13, provisional, letIn: false });
  const admit = (...ids: string[]) => ask('a', false, ids);
  const look = (...ids: string[]) => ask('a', true, ids);
  return { book, clock, join, leave, ask, admit, look };
}

describe('the seats of a channel with a limit', () => {
  test('are given once, whichever edges ask', () => {
    const { admit } = deskOf();
    expect(admit('1', '2')).toEqual({ admitted: ['1', '2'], refused: [], undecided: [] });
    expect(admit('3', '4')).toEqual({ admitted: ['3'], refused: ['4'], undecided: [] });
  });

  test('are kept for fifty thousand ids of an edge, in all channels; about more it decides itself', () => {
    const { book, ask, admit } = deskOf();
    book.follow({ uid: 'd', timeoutSeconds: 60, peak: 0, maxViewers: LIMIT });
    const ids = Array.from({ length: 30_000 }, (_, index) => `made up ${index}`);
    const claim = { edge: 'b', ids, holdSeconds: 13, provisional: false, letIn: true };
    book.admit('c', claim);
    const answer = book.admit('d', claim);
    expect([answer.admitted.length, answer.undecided.length]).toEqual([20_000, 10_000]);
    expect(ask('b', false, ['made up 1', 'one more'])).toMatchObject({
      admitted: ['made up 1'],
      refused: ['one more'],
    });
    expect(admit('made up 2')).toMatchObject({ admitted: ['made up 2'] });
    book.forget('d');
    expect(ask('b', false, ['made up 3'])).toMatchObject({ admitted: ['made up 3'] });
  });

  test('are counted at the same cost however many are kept', () => {
    const counts = jest.fn((_id: string) => false);
    const audience = Object.assign(new ChannelAudience(), { counts });
    const seats = new Seats(audience);
    const request = { edge: 'a', holdSeconds: 13, provisional: false, letIn: false };
    seats.admit({ ...request, ids: Array.from({ length: 1_000 }, (_, index) => `${index}`) }, 1_001, 0);
    counts.mockClear();
    expect(seats.admit({ ...request, ids: ['one more', 'too many'] }, 1_001, 0)).toMatchObject({
      admitted: ['one more'],
      refused: ['too many'],
    });
    expect(counts.mock.calls.length).toBeLessThan(10);
  });

  test('are never taken from who is counted, at whichever edge, also when it is full', () => {
    const { admit, join } = deskOf();
    join('a', '1', '2', '3', '4');
    expect(admit('1', '4', '5')).toEqual({ admitted: ['1', '4'], refused: ['5'], undecided: [] });
  });

  test('are free again when a viewer leaves, or does not come within the time that its edge said', () => {
    const { admit, join, leave, clock } = deskOf();
    admit('1', '2', '3');
    join('a', '1', '2');
    leave('a', '1');
    expect(admit('4', '5')).toMatchObject({ admitted: ['4'], refused: ['5'] });
    clock.nowMs += 13_000;
    expect(admit('5', '6', '7')).toMatchObject({ admitted: ['5', '6'], refused: ['7'] });
  });

  test('are free again after the time that each edge said, whoever was let in before for longer', () => {
    const { book, admit, clock } = deskOf();
    book.admit('c', { edge: 'b', ids: ['1'], holdSeconds: 60, provisional: false, letIn: false });
    admit('2', '3');
    clock.nowMs += 13_000;
    expect(admit('4', '5', '6')).toMatchObject({ admitted: ['4', '5'], refused: ['6'] });
  });

  test('are kept for the viewers of an edge that is cut off or gone', () => {
    const { admit, join, book } = deskOf();
    join('a', '1', '2', '3');
    book.edgeLost('a');
    expect(admit('4')).toMatchObject({ refused: ['4'] });
    book.edgeGone('a');
    expect(admit('4', '1')).toMatchObject({ refused: ['4'], admitted: ['1'] });
  });

  test('are kept for all whom an edge counted until it has said, in as many messages as it takes, whom it counts now', () => {
    const { admit, ask, join, book } = deskOf();
    join('a', '1', '2', '3');
    book.edgeLost('a');
    book.edgeConnected('a');
    book.viewers('a', { uid: 'c', snapshot: true, joined: [{ id: '1', trusted: true }], left: [] });
    expect(ask('b', false, ['4', '3'])).toMatchObject({ refused: ['4'], admitted: ['3'] });
    join('a', '2');
    book.left('b', { uid: 'c', ids: ['3'], secondsAgo: 0 });
    expect(ask('b', false, ['4'])).toMatchObject({ refused: ['4'] });
    book.edgeSynced('a');
    expect(admit('4', '5')).toMatchObject({ admitted: ['4'], refused: ['5'] });
  });

  test('are not kept for whom an edge names and takes back while it says whom it counts', () => {
    const { admit, join, book } = deskOf();
    book.edgeConnected('a');
    join('a', '1', '2', '3');
    for (const uid of ['c', 'c']) book.viewers('a', { uid, snapshot: true, joined: [], left: [] });
    expect(admit('4')).toMatchObject({ admitted: ['4'] });
  });

  test('are left to the edges while the count is unknown, or the channel is', () => {
    const { admit, ask, book } = deskOf();
    expect(ask('a', false, ['1'], 'x')).toMatchObject({ undecided: ['1'] });
    book.edgeSeen('new', true);
    expect(admit('1')).toEqual({ admitted: [], refused: [], undecided: ['1'] });
  });

  test('are kept at another edge for who is counted, and stops being so before it is counted there', () => {
    const { ask, admit, join, leave } = deskOf();
    join('a', '1', '2', '3');
    expect(ask('b', false, ['1'])).toMatchObject({ admitted: ['1'] });
    leave('a', '1');
    expect(admit('4')).toMatchObject({ refused: ['4'] });
    join('b', '1');
    leave('b', '1');
    expect(admit('4')).toMatchObject({ admitted: ['4'] });
  });

  test('are free at once when a viewer says goodbye, unless it was let in again since', () => {
    const { admit, book, clock } = deskOf();
    admit('1', '2');
    clock.nowMs += 500;
    admit('3');
    book.left('a', { uid: 'c', ids: ['1', '3'], secondsAgo: 0.1 });
    expect(admit('4', '5')).toMatchObject({ admitted: ['4'], refused: ['5'] });
  });

  test('are shown to as many as fit, for two seconds, and taken by the first who watch', () => {
    const { admit, look, clock } = deskOf();
    admit('1');
    expect(look('2', '3', '4')).toMatchObject({ admitted: ['2', '3'], refused: ['4'] });
    expect(look('2')).toMatchObject({ admitted: ['2'] });
    expect(admit('5', '2')).toMatchObject({ admitted: ['5', '2'] });
    expect(admit('3')).toMatchObject({ refused: ['3'] });
    clock.nowMs += 2_000;
    expect(look('6')).toMatchObject({ refused: ['6'] });
  });

  test('are kept for those who are in already, by the word of their edge, also when it is full', () => {
    const { admit, book, join } = deskOf();
    join('a', '1', '2');
    const request = { edge: 'b', ids: ['3', '4'], holdSeconds: 13, provisional: false, letIn: true };
    expect(book.admit('c', request)).toMatchObject({ admitted: ['3', '4'] });
    expect(admit('4', '5')).toMatchObject({ admitted: ['4'], refused: ['5'] });
  });

  test('are kept for those about whom an edge has to decide, until the count is known', () => {
    const { admit, book } = deskOf();
    book.edgeSeen('new', true);
    expect(admit('1', '2', '3')).toMatchObject({ undecided: ['1', '2', '3'] });
    book.edgeConnected('new');
    book.edgeSynced('new');
    expect(admit('4', '2')).toEqual({ admitted: ['2'], refused: ['4'], undecided: [] });
  });

  test('are there for who was counted less than ten seconds ago, even if somebody else has them by now', () => {
    const { admit, join, leave, clock } = deskOf();
    join('a', '1', '2', '3');
    leave('a', '1', '2');
    expect(admit('4', '5')).toMatchObject({ admitted: ['4', '5'] });
    clock.nowMs += 9_999;
    expect(admit('1', '6')).toMatchObject({ admitted: ['1'], refused: ['6'] });
    clock.nowMs += 1;
    expect(admit('2')).toMatchObject({ refused: ['2'] });
  });

  test('are not kept from viewers by programs that read the multivariant playlist again and again', () => {
    const { admit, look, clock } = deskOf();
    for (let program = 0; program < 50; program += 1) {
      look(`program-${program}`);
      clock.nowMs += 20;
    }
    expect(admit('1', '2', '3')).toMatchObject({ admitted: ['1', '2', '3'] });
  });

  test('suffice whatever comes: viewers who asked are never more than the limit, but for those who came back', () => {
    const id = fc.constantFrom(...'0123456789');
    const step = fc.record({
      action: fc.constantFrom('come', 'look', 'leave', 'say goodbye', 'wait'),
      id,
      edge: fc.constantFrom('a', 'b'),
      waitMs: fc.integer({ min: 0, max: 20_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const { ask, look, join, leave, book, clock } = deskOf();
        /** When each viewer who was let in and is not counted yet will be: within what an edge remembers. */
        let starting: { id: string; edge: string; atMs: number }[] = [];
        const lastCountedMs = new Map<string, number>();
        const cameBack = new Set<string>();
        for (const { action, id: one, edge, waitMs } of steps) {
          clock.nowMs += waitMs % 5_000;
          for (const { id: due, edge: at } of starting.filter(({ atMs }) => atMs <= clock.nowMs)) join(at, due);
          starting = starting.filter(({ atMs }) => atMs > clock.nowMs);
          if (action === 'come' && ask(edge, false, [one]).admitted.length > 0) {
            starting.push({ id: one, edge, atMs: clock.nowMs + (waitMs % 12_000) });
            if (clock.nowMs - (lastCountedMs.get(one) ?? 0) < 10_000) cameBack.add(one);
          } else if (action === 'look') look(one);
          else if (action === 'leave' || action === 'say goodbye') {
            lastCountedMs.set(one, clock.nowMs);
            for (const where of action === 'leave' ? [edge] : ['a', 'b']) leave(where, one);
          }
          if (action === 'say goodbye') {
            starting = starting.filter(({ id: who }) => who !== one);
            book.left(edge, { uid: 'c', ids: [one], secondsAgo: 0 });
          }
          expect(book.count('c').viewers).toBeLessThanOrEqual(LIMIT + cameBack.size);
        }
      }),
    );
  });
});
