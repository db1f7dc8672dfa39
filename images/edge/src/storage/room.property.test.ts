import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decideRoom, fairShareBytes, type Holder, type RankedFile, type RoomRequest, type Standing } from './room.ts';

const STANDINGS: readonly Standing[] = ['expired', 'unwatched', 'retired', 'copy', 'leaving', 'kept'];
const FREE = new Set<Standing>(['expired', 'unwatched']);

const file: fc.Arbitrary<Omit<RankedFile, 'name'>> = fc.record({
  bytes: fc.integer({ min: 1, max: 40 }),
  standing: fc.constantFrom(...STANDINGS),
  storedAt: fc.nat(100),
});

const holders: fc.Arbitrary<Holder[]> = fc
  .array(fc.tuple(fc.array(file, { maxLength: 12 }), fc.nat(20)), { minLength: 1, maxLength: 5 })
  .map((channels) => channels.map(([files, writing], index) => holder(`c${index}`, files, writing)));

function holder(key: string, files: readonly Omit<RankedFile, 'name'>[], writing = 0): Holder {
  const named = files.map((one, index) => ({ ...one, name: `${key}-${index}` }));
  return { key, bytes: named.reduce((sum, { bytes }) => sum + bytes, writing), files: () => named };
}

const request: fc.Arbitrary<RoomRequest> = fc.record({
  limitBytes: fc.integer({ min: 1, max: 600 }),
  holders,
  key: fc.constantFrom('c0', 'c1', 'new'),
  bytes: fc.integer({ min: 1, max: 60 }),
});

const bytesOf = (all: readonly Holder[], key: string): number => all.find((one) => one.key === key)?.bytes ?? 0;

function facts({ limitBytes, holders: all, key, bytes }: RoomRequest) {
  const used = all.reduce((sum, one) => sum + one.bytes, 0);
  const others = all.filter((one) => one.key !== key && one.bytes > 0).length;
  const share = fairShareBytes(limitBytes, others + 1);
  return { used, share, own: bytesOf(all, key) + bytes };
}

describe('room for a file', () => {
  test('is within the limit once the deletions are done', () => {
    fc.assert(
      fc.property(request, (asked) => {
        const room = decideRoom(asked);
        if (room.kind === 'full') return;
        const freed = room.remove.reduce((sum, { bytes }) => sum + bytes, 0);
        expect(facts(asked).used - freed + asked.bytes).toBeLessThanOrEqual(asked.limitBytes);
      }),
    );
  });

  test('is made of each file once, never of what has no other copy, and of none where there is room', () => {
    fc.assert(
      fc.property(request, (asked) => {
        const room = decideRoom(asked);
        if (room.kind === 'full') return;
        expect(new Set(room.remove.map(({ name }) => name)).size).toBe(room.remove.length);
        expect(room.remove.every(({ standing }) => standing !== 'kept')).toBe(true);
        const { used } = facts(asked);
        if (used + asked.bytes <= asked.limitBytes * 0.9) expect(room.remove).toEqual([]);
      }),
    );
  });

  test('follows the stated order, and within it the oldest of a channel first', () => {
    fc.assert(
      fc.property(request, (asked) => {
        const room = decideRoom(asked);
        if (room.kind === 'full') return;
        const ranks = room.remove.map(({ standing }) => STANDINGS.indexOf(standing));
        expect(ranks).toEqual([...ranks].sort((one, other) => one - other));
        const gone = new Set(room.remove.map(({ name }) => name));
        for (const { files } of asked.holders) {
          for (const one of files()) {
            if (gone.has(one.name)) continue;
            const newer = files().filter((two) => two.standing === one.standing && two.storedAt > one.storedAt);
            expect(newer.filter(({ name }) => gone.has(name))).toEqual([]);
          }
        }
      }),
    );
  });

  test('costs a channel within its fair share nothing that it may miss', () => {
    fc.assert(
      fc.property(request, (asked) => {
        const room = decideRoom(asked);
        if (room.kind === 'full') return;
        const { share } = facts(asked);
        for (const { key, standing } of room.remove) {
          if (key !== asked.key && bytesOf(asked.holders, key) <= share) expect(FREE).toContain(standing);
        }
      }),
    );
  });

  test('is there for a channel within its share wherever others have enough that may go', () => {
    fc.assert(
      fc.property(request, (asked) => {
        const { share, own, used } = facts(asked);
        const pinned = asked.holders.map((one) => {
          const goes = one.files().filter(({ standing }) => standing !== 'kept');
          return one.bytes - goes.reduce((sum, { bytes }) => sum + bytes, 0);
        });
        const mostPinned = Math.max(0, ...pinned);
        const total = pinned.reduce((sum, one) => sum + one, 0) + asked.bytes;
        // Everybody else could be brought down to what it needs within an equal part.
        if (own > share || mostPinned > share || total > asked.limitBytes || used === 0) return;
        expect(decideRoom(asked).kind).toBe('room');
      }),
    );
  });

  test('leaves a tenth of the volume to the others where a channel is above its share', () => {
    fc.assert(
      fc.property(request, (asked) => {
        const { share, own, used } = facts(asked);
        const room = decideRoom(asked);
        if (own <= share || room.kind === 'full') return;
        const freed = room.remove.reduce((sum, { bytes }) => sum + bytes, 0);
        expect(used - freed + asked.bytes).toBeLessThanOrEqual(asked.limitBytes * 0.9);
      }),
    );
  });
});

const kept = (bytes: number, count: number): Omit<RankedFile, 'name'>[] =>
  Array.from({ length: count }, (_, storedAt) => ({ bytes, standing: 'kept' as const, storedAt }));

describe('a volume without room', () => {
  const big = holder('big', [...kept(50, 12), { bytes: 50, standing: 'leaving', storedAt: 0 }]);
  const small = holder('small', kept(5, 12));

  test.each([
    ['a small channel takes what a big one can give', 'small', 5, { kind: 'room' }],
    ['a big one does not grow into what is left for the others', 'big', 50, { kind: 'full', why: 'share' }],
    ['a file that is bigger than what can go has no place', 'small', 160, { kind: 'full', why: 'limit' }],
  ] as const)('%s', (_name, key, bytes, expected) => {
    expect(decideRoom({ limitBytes: 710, holders: [big, small], key, bytes })).toMatchObject(expected);
  });

  test('is one that no file fits into', () => {
    expect(decideRoom({ limitBytes: 10, holders: [], key: 'one', bytes: 11 })).toMatchObject({ kind: 'full' });
  });
});
