import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../../operator/src/runtime');
const files = globSync('**/*.ts', { cwd: ROOT });

/** What the product is about, and the runtime must not know. */
const PRODUCT_WORDS =
  /\b(sluice\.dev|channels?|stream ?sessions?|viewers?|edges?|transcod\w*|playlists?|segments?|encoders?)\b/i;

describe('the controller runtime could be published alone', () => {
  test.each(files)('%s imports nothing of the product', (file) => {
    const imports = [...read(file).matchAll(/from '([^']+)'/g)].map(([, name = '']) => name);
    const outside = imports.filter((name) => {
      const isElsewhere = name.startsWith('.') && join(file, '..', name).startsWith('..');
      return isElsewhere || name.startsWith('@sluice/');
    });
    expect(outside).toEqual([]);
  });

  test.each(files)('%s has no word of the product', (file) => {
    const lines = read(file)
      .split('\n')
      .filter((line) => PRODUCT_WORDS.test(line.replaceAll('TextEncoder', '')));
    expect(lines).toEqual([]);
  });
});

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}
