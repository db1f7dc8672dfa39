import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { linesOf } from './lines.ts';

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const size of sizes) {
    yield bytes.subarray(start, start + size);
    start += size;
  }
  yield bytes.subarray(start);
}

async function linesIn(text: string, sizes: readonly number[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(chunksOf(new TextEncoder().encode(text), sizes))) lines.push(line);
  return lines;
}

describe('linesOf', () => {
  test('gives the same lines however the bytes are cut, inside of characters as well', async () => {
    const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ''));
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat({ max: 7 })), async (lines, sizes) => {
        expect(await linesIn(lines.map((text) => `${text}\n`).join(''), sizes)).toEqual(lines);
      }),
    );
  });

  test('drops what was cut off at the end', async () => {
    expect(await linesIn('{"a":1}\n{"b":', [])).toEqual(['{"a":1}']);
  });

  test('refuses a line above 6 MiB instead of keeping it in memory', async () => {
    const endless = (async function* () {
      for (;;) yield new Uint8Array(1024 * 1024);
    })();
    await expect(linesOf(endless).next()).rejects.toMatchObject({ code: 'ResponseTooLarge' });
  });
});
