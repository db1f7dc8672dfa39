import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AudienceBook } from './book.ts';
import { type Admission, type SeatRequest, SeatRoom } from './seats.ts';

const EDGES = ['a', 'b', 'c'];
const CHANNEL = { uid: 'c', timeoutSeconds: 60, peak: 0 } as const;
const COME_BACK_MS = 10_000;

/** The rules of seats as a reader has them: every list is walked for every answer. */
class Model {
  nowMs = 3_600_000;
  limit: number | undefined = 3;
  readonly counted = new Map<string, Set<string>>(EDGES.map((edge) => [edge, new Set()]));
  private held: { id: string; edge: string; sinceMs: number; untilMs: number }[] = [];
  private departed: { id: string; untilMs: number }[] = [];
  private looked: { id: string; untilMs: number }[] = [];

  counts(id: string): boolean {
    return [...this.counted.values()].some((ids) => ids.has(id));
  }

  say(edge: string, snapshot: boolean, joined: readonly string[], left: readonly string[]): void {
    const ids = new Set(snapshot ? joined : [...(this.counted.get(edge) ?? []), ...joined]);
    for (const id of snapshot ? [] : left) ids.delete(id);
    this.counted.set(edge, ids);
    this.held = this.held.filter((one) => one.edge !== edge || !joined.includes(one.id));
    if (this.limit === undefined) return;
    const gone = left.filter((id) => !this.counts(id));
    this.departed = this.departed.filter(({ id }) => !gone.includes(id));
    for (const id of gone) this.departed.push({ id, untilMs: this.nowMs + COME_BACK_MS });
  }

  left(ids: readonly string[], secondsAgo: number): void {
    const saidAtMs = this.nowMs - secondsAgo * 1000;
    this.held = this.held.filter(({ id, sinceMs }) => !ids.includes(id) || sinceMs > saidAtMs);
  }

  admit({ edge, ids, holdSeconds, provisional, letIn }: SeatRequest): Admission {
    const admission: Admission = { admitted: [], refused: [], undecided: [] };
    if (this.limit === undefined) return { ...admission, admitted: [...ids] };
    const lasts = ({ untilMs }: { untilMs: number }): boolean => untilMs > this.nowMs;
    this.held = this.held.filter(lasts);
    this.departed = this.departed.filter(lasts);
    this.looked = this.looked.filter(lasts);
    const untilMs = this.nowMs + holdSeconds * 1000;
    const stands = (list: readonly { id: string }[], id: string): boolean => list.some((one) => one.id === id);
    for (const id of ids) {
      const isIn = this.counts(id) || stands(this.held, id);
      const mayCome = isIn || letIn || stands(this.departed, id) || (provisional && stands(this.looked, id));
      const viewers = new Set([...this.counted.values()].flatMap((all) => [...all]));
      const coming = this.held.filter((one) => !viewers.has(one.id)).length;
      if (!mayCome && viewers.size + coming + (provisional ? this.looked.length : 0) >= this.limit) {
        admission.refused.push(id);
        continue;
      }
      admission.admitted.push(id);
      if (provisional && isIn) continue;
      this.looked = this.looked.filter((one) => one.id !== id);
      if (provisional) this.looked.push({ id, untilMs });
      else {
        this.held = this.held.filter((one) => one.id !== id);
        this.held.push({ id, edge, sinceMs: this.nowMs, untilMs });
      }
    }
    return admission;
  }

  /** Seats that are kept at the word of an edge. */
  heldBy(edge: string): number {
    return this.held.filter((one) => one.edge === edge && one.untilMs > this.nowMs).length;
  }
}

const ids = fc.array(fc.constantFrom(...'0123456'), { maxLength: 4 });
const edge = fc.constantFrom(...EDGES);
const step = fc.oneof(
  fc.record({
    is: fc.constant('question' as const),
    ...{ edge, ids, holdSeconds: fc.constantFrom(0.25, 2, 13, 13.75, 60) },
    ...{ provisional: fc.boolean(), letIn: fc.constantFrom(false, false, false, true) },
  }),
  fc.record({ is: fc.constant('viewers' as const), edge, joined: ids, left: ids }),
  fc.record({ is: fc.constant('snapshot' as const), edge, joined: ids }),
  fc.record({ is: fc.constant('goodbye' as const), edge, ids, secondsAgo: fc.constantFrom(0, 0.5, 20) }),
  fc.record({ is: fc.constant('wait' as const), ms: fc.constantFrom(100, 250, 2_000, 9_000, 13_000, 50_000) }),
  fc.record({ is: fc.constant('limit' as const), limit: fc.constantFrom(undefined, 0, 1, 3, 3, 5) }),
  fc.record({ is: fc.constant('sweep' as const) }),
);

test('questions for seats are answered as by somebody who goes through all that was said, each time', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }), (steps) => {
      const model = new Model();
      const room = new SeatRoom();
      const events = { onChange: () => {}, onEdgeChange: () => {} };
      const book = new AudienceBook({ now: () => model.nowMs, ...events, seatRoom: room });
      book.follow({ ...CHANNEL, maxViewers: model.limit });
      for (const one of EDGES) {
        book.edgeSeen(one, true);
        book.edgeConnected(one);
        book.edgeSynced(one);
      }
      const trusting = (all: readonly string[]) => all.map((id) => ({ id, trusted: true }));
      for (const one of steps) {
        if (one.is === 'question') expect(book.admit('c', one)).toEqual(model.admit(one));
        if (one.is === 'viewers') {
          book.viewers(one.edge, { uid: 'c', snapshot: false, joined: trusting(one.joined), left: one.left });
          model.say(one.edge, false, one.joined, one.left);
        }
        if (one.is === 'snapshot') {
          book.edgeConnected(one.edge);
          book.viewers(one.edge, { uid: 'c', snapshot: true, joined: trusting(one.joined), left: [] });
          book.edgeSynced(one.edge);
          model.say(one.edge, true, one.joined, []);
        }
        if (one.is === 'goodbye') {
          book.left(one.edge, { uid: 'c', ids: one.ids, secondsAgo: one.secondsAgo });
          model.left(one.ids, one.secondsAgo);
        }
        if (one.is === 'wait') model.nowMs += one.ms;
        if (one.is === 'limit') {
          model.limit = one.limit;
          book.follow({ ...CHANNEL, maxViewers: one.limit });
        }
        if (one.is === 'sweep') book.sweep();
      }
      book.sweep();
      expect(EDGES.map((name) => room.held.of(name))).toEqual(EDGES.map((name) => model.heldBy(name)));
      book.forget('c');
      const kinds = [room.held, room.departed, room.provisional];
      expect(kinds.flatMap((kind) => EDGES.map((name) => kind.of(name)))).toEqual(Array(9).fill(0));
    }),
    { numRuns: 200 },
  );
});
