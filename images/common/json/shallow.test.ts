import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseShallow } from './shallow.ts';

const LONG = ' '.repeat(20_000);

test('reads what JSON.parse reads, brackets in texts included', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.string(), (value, text) => {
      const message = { value, text: `${text}[[[{{{"\\${'['.repeat(50)}` };
      expect(parseShallow(JSON.stringify(message) + LONG)).toEqual(JSON.parse(JSON.stringify(message)));
    }),
  );
});

test.each([
  { name: 'brackets', text: '['.repeat(2_000_000) + ']'.repeat(2_000_000) },
  { name: 'braces', text: `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}` },
  { name: 'both, without an end', text: LONG + '[{"a":'.repeat(30) },
])('refuses nesting of $name', ({ text }) => {
  expect(() => parseShallow(text)).toThrow('more than 24 levels');
});

test('refuses what is no JSON, as JSON.parse does', () => {
  for (const text of ['', '{', `"${LONG}`]) expect(() => parseShallow(text)).toThrow(SyntaxError);
});
