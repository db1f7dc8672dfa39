import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readBody } from './body.ts';
import { ReadingRoom } from './room.ts';

/** A body in pieces of these sizes. */
const pieces = (sizes: readonly number[]): Readable => Readable.from(sizes.map((size) => Buffer.alloc(size, 7)));

const enter = (limit?: number) => new ReadingRoom(limit).enter(() => {});

describe('a body', () => {
  test('is what came, whatever the answer says of its length', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 3_000 }), { maxLength: 12 });
    const said = fc.option(fc.nat(10_000));
    await fc.assert(
      fc.asyncProperty(
        sizes,
        said,
        fc.integer({ min: 1, max: 10_000 }),
        fc.boolean(),
        async (list, length, maxBytes, partial) => {
          const all = list.reduce((sum, size) => sum + size, 0);
          const read = readBody(pieces(list), length, { maxBytes, partial }, enter());
          const isTooLarge = !partial && (all > maxBytes || (length !== null && length > maxBytes && list.length > 0));
          if (isTooLarge) await expect(read).rejects.toMatchObject({ code: 'SOURCE_TOO_LARGE' });
          else expect(Buffer.alloc(Math.min(all, maxBytes), 7).equals(await read)).toBe(true);
        },
      ),
    );
  });

  test('in very many pieces is refused', async () => {
    const read = readBody(pieces(Array(100_001).fill(1)), null, { maxBytes: 1e6 }, enter());
    await expect(read).rejects.toMatchObject({ code: 'SOURCE_PIECEMEAL' });
  });

  test('keeps no more memory than its length', async () => {
    const short = await readBody(pieces([5_000]), null, { maxBytes: 1e6 }, enter());
    expect(short.buffer.byteLength).toBe(5_000);
  });

  test('ends where there is no room for it', async () => {
    const read = readBody(pieces([10, 10, 10]), null, { maxBytes: 1e6 }, enter(25));
    await expect(read).rejects.toMatchObject({ code: 'SOURCE_CROWDED_OUT' });
  });
});

describe('the room for what is read', () => {
  test('is never exceeded, and only the largest has to go', () => {
    const step = fc.tuple(fc.nat(4), fc.constantFrom('grow', 'release'), fc.nat(60));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const room = new ReadingRoom(100);
        const held = new Map<number, { bytes: number; holding: ReturnType<ReadingRoom['enter']> }>();
        const crowdOut = (key: number): void => {
          const { bytes = 0 } = held.get(key) ?? {};
          held.delete(key);
          for (const one of held.values()) expect(one.bytes).toBeLessThanOrEqual(bytes);
        };
        for (const [key, what, bytes] of steps) {
          if (!held.has(key)) held.set(key, { bytes: 0, holding: room.enter(() => crowdOut(key)) });
          const one = held.get(key);
          if (one === undefined) continue;
          if (what === 'release') {
            one.holding.release();
            held.delete(key);
            continue;
          }
          one.bytes += bytes;
          try {
            one.holding.grow(bytes);
          } catch {
            crowdOut(key);
          }
          const sum = [...held.values()].reduce((all, other) => all + other.bytes, 0);
          expect(room.bytes).toBe(sum);
          expect(sum).toBeLessThanOrEqual(100);
        }
      }),
    );
  });
});
