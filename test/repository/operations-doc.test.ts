import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const documented = ['operations', 'conditions', 'events', 'metrics'].map((name) => read(`docs/${name}.md`)).join('\n');

/** Every first group of `pattern` in the files, each once, sorted. */
function wordsIn(files: readonly string[], pattern: RegExp): readonly string[] {
  const words = files.flatMap((file) => [...read(file).matchAll(pattern)].map((match) => match[1] ?? ''));
  return [...new Set(words)].sort();
}

const programs = globSync(['operator/src/**/*.ts', 'images/*/src/**/*.ts'], {
  cwd: ROOT,
  exclude: ['**/*.test.ts', '**/testing/**'],
});

const WORDS: readonly { readonly what: string; readonly files: readonly string[]; readonly pattern: RegExp }[] = [
  { what: 'metric of our own', files: programs, pattern: /'(sluice_[a-z_]+)'/g },
  { what: 'page for debugging', files: ['operator/src/debug.ts'], pattern: /'\/(debug\/\w+)'/g },
  { what: 'other name of a variable', files: ['operator/src/environment-aliases.ts'], pattern: /alias: '(\w+)'/g },
  { what: 'variable with another name', files: ['operator/src/environment-aliases.ts'], pattern: /own: '(\w+)'/g },
  { what: 'event', files: ['operator/src/events.ts'], pattern: /^ {2}(\w+): \{$/gm },
  { what: 'type of condition', files: ['crds/conditions.ts'], pattern: /^ {2}\w+: '(\w+)',$/gm },
  { what: 'trouble of a source', files: ['images/edge/src/source/errors.ts'], pattern: /^ {2}[A-Z_]+: '(\w+)',$/gm },
  { what: 'obstacle that an edge finds', files: ['images/edge/src/source/facts.ts'], pattern: /reason: '(\w+)'/g },
  { what: 'obstacle of the operator', files: ['operator/src/channel/obstacles.ts'], pattern: /forEver\(\s*'(\w+)'/g },
  {
    what: 'reason in a condition',
    files: [
      'operator/src/channel/build/conditions.ts',
      'operator/src/session/build/acceleration.ts',
      'operator/src/session/build/status.ts',
      'operator/src/session/build/waiting.ts',
    ],
    pattern: /reason: '(\w+)'/g,
  },
];

describe('the documents for operators', () => {
  test.each(WORDS)('names every $what', ({ files, pattern }) => {
    const words = wordsIn(files, pattern);
    expect(words).not.toEqual([]);
    expect(words.filter((word) => !new RegExp(`\\b${word}\\b`).test(documented))).toEqual([]);
  });
});
