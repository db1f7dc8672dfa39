import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
const SOURCES = ['crds/**/*.ts', 'operator/**/*.ts', 'images/**/*.ts', 'test/**/*.ts'];
const files = globSync(SOURCES, { cwd: ROOT, exclude: ['**/node_modules', '**/dist', '**/*.test.ts', '**/*.d.ts'] });

/** Exported declarations of a text whose line above does not end a docstring; re-exports have theirs elsewhere. */
function undocumented(text: string): readonly string[] {
  const lines = text.split('\n');
  const isDeclared = (line: string) =>
    /^export (?:async |abstract )*(?:function|class|const|interface|type \w)/.test(line);
  return lines.filter((line, at) => isDeclared(line) && !lines[at - 1]?.endsWith('*/'));
}

test('finds an exported symbol without a docstring', () => {
  expect(undocumented('/** Kept. */\nexport const A = 1;\nexport type B = 2;\nexport type { C };')).toEqual([
    'export type B = 2;',
  ]);
});

test('every exported symbol has a docstring', () => {
  expect(files.length).toBeGreaterThan(500);
  const found = files.map((file) => [file, undocumented(readFileSync(join(ROOT, file), 'utf8'))] as const);
  expect(found.filter(([, lines]) => lines.length > 0)).toEqual([]);
});
