import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { contentHash } from './content-hash.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-hash-'));
  mkdirSync(join(root, 'dist/deep'), { recursive: true });
  writeFileSync(join(root, 'Dockerfile'), 'FROM x\nCOPY dist/ /app/\nCOPY run*.sh /bin/\n');
  writeFileSync(join(root, 'dist/a.js'), 'a');
  writeFileSync(join(root, 'dist/deep/b.js'), 'b');
  writeFileSync(join(root, 'run.sh'), '#!/bin/sh');
  writeFileSync(join(root, 'unrelated'), '1');
});
afterEach(() => rmSync(root, { recursive: true }));

const hash = (base = 'base') => contentHash(root, 'Dockerfile', base);

describe('contentHash', () => {
  test('is twelve hexadecimal digits and the same for the same content', async () => {
    expect(await hash()).toMatch(/^[0-9a-f]{12}$/);
    expect(await hash()).toBe(await hash());
  });

  test('does not follow files that are not copied', async () => {
    const before = await hash();
    writeFileSync(join(root, 'unrelated'), '2');
    expect(await hash()).toBe(before);
  });

  test.each<[string, () => void]>([
    ['a copied file', () => writeFileSync(join(root, 'dist/a.js'), 'A')],
    ['a file deep in a copied folder', () => writeFileSync(join(root, 'dist/deep/b.js'), 'B')],
    ['a new file in a copied folder', () => writeFileSync(join(root, 'dist/c.js'), '')],
    ['a file that a pattern finds', () => writeFileSync(join(root, 'run2.sh'), '')],
    ['an executable bit', () => chmodSync(join(root, 'run.sh'), 0o755)],
    ['the Dockerfile', () => writeFileSync(join(root, 'Dockerfile'), 'FROM y\nCOPY dist/ /app/\nCOPY run*.sh /bin/\n')],
  ])('changes with %s', async (_, change) => {
    const before = await hash();
    change();
    expect(await hash()).not.toBe(before);
  });

  test('changes with the base image', async () => expect(await hash('a')).not.toBe(await hash('b')));

  test('names a missing file and the remedy', async () => {
    rmSync(join(root, 'dist'), { recursive: true });
    await expect(hash()).rejects.toThrow(/dist\/ is missing.*npm run build/);
  });
});
