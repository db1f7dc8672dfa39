import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { StoredTerm } from './stored-term.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'term-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('StoredTerm', () => {
  test('remembers the highest term over a restart', () => {
    const term = new StoredTerm(directory);
    expect(term.highest).toBe(0);
    term.raise(7);
    term.raise(3);
    expect(term.highest).toBe(7);
    expect(new StoredTerm(directory).highest).toBe(7);
  });

  test.each(['', 'seven', '-1', '1.5', '1e99'])('takes a file with "%s" for none', (text) => {
    writeFileSync(join(directory, 'operator-term'), text);
    expect(new StoredTerm(directory).highest).toBe(0);
  });
});
