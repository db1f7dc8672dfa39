import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';

/** The files of a corpus by their names. */
export function corpusOf(folder: string): ReadonlyMap<string, Buffer> {
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
}

type Edit = (bytes: Buffer) => Buffer;

/** Numbers that parsers stumble over: ends of ranges of 8, 16 and 32 bits, and the parts of their own marks. */
const SPITEFUL = [
  '00',
  'ff',
  '7f',
  '80',
  '0000',
  'ffff',
  '00000000',
  '00000001',
  '7fffffff',
  '80000000',
  'ffffffff',
  '47',
];

/**
 * Places in `length` bytes: anywhere, and near the beginnings of units of `unit` bytes (transport packets, boxes), where
 * the lengths and flags are.
 */
function placeIn(length: number, unit: number): fc.Arbitrary<number> {
  const anywhere = fc.nat(Math.max(0, length - 1));
  const heads = fc.tuple(fc.nat(Math.floor(length / unit)), fc.nat(24)).map(([index, at]) => index * unit + at);
  return fc.oneof(anywhere, heads).map((at) => Math.min(at, length));
}

function editOf(length: number, unit: number): fc.Arbitrary<Edit> {
  const place = placeIn(length, unit);
  const some = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.constantFrom(...SPITEFUL).map((hex) => Buffer.from(hex, 'hex')),
  );
  const put = fc.tuple(place, some).map(
    ([at, piece]): Edit =>
      (bytes) => {
        const copy = Buffer.from(bytes);
        copy.set(piece.subarray(0, Math.max(0, copy.length - at)), Math.min(at, copy.length));
        return copy;
      },
  );
  const insert = fc.tuple(place, some).map(
    ([at, piece]): Edit =>
      (bytes) =>
        Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]),
  );
  const move = fc.tuple(place, place, fc.nat(2 * unit), fc.integer({ min: 1, max: 20 })).map(
    ([from, to, size, times]): Edit =>
      (bytes) => {
        const piece = bytes.subarray(from, from + size);
        return Buffer.concat([bytes.subarray(0, to), ...Array(times).fill(piece), bytes.subarray(to)]);
      },
  );
  const remove = fc.tuple(place, fc.nat(2 * unit)).map(
    ([at, size]): Edit =>
      (bytes) =>
        Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)]),
  );
  const end = place.map(
    (at): Edit =>
      (bytes) =>
        bytes.subarray(0, at),
  );
  return fc.oneof({ weight: 5, arbitrary: put }, insert, move, remove, end);
}

/** Files of a corpus with up to eight edits. @param unit bytes after which something begins: a packet, a box, a line */
export function spoiled(corpus: ReadonlyMap<string, Buffer>, unit: number): fc.Arbitrary<Buffer> {
  return fc
    .constantFrom(...corpus.values())
    .chain((bytes) =>
      fc
        .array(editOf(bytes.length, unit), { maxLength: 8 })
        .map((edits) => edits.reduce((spoilt, edit) => edit(spoilt), bytes)),
    );
}
