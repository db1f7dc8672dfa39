import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');

/** Everything that an image, the chart or the API is made of. */
const PRODUCT = ['operator/**/*.ts', 'images/**/*', 'crds/**/*', 'charts/**/*'];

/** The mode itself, and the one program that may know it. */
const MODE = 'operator/src/standalone/';
const MAIN = 'operator/src/main.ts';

/** Its name, and an import of what is in its folder. */
const MENTION = /standalone|\/kubelet\//i;

const files = globSync(PRODUCT, { cwd: ROOT, exclude: ['**/node_modules', '**/dist'], withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1));

test('no program but the main of the operator knows that it may run without Kubernetes', () => {
  const others = files.filter((file) => !file.startsWith(MODE) && file !== MAIN);
  expect(others.length).toBeGreaterThan(300);
  expect(others.filter((file) => MENTION.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
});

test('the main of the operator runs without Kubernetes where it is told to', () => {
  const words = ['--no-warnings', join(ROOT, MAIN), '--standalone', '/nowhere'];
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  expect(stderr).toContain('/nowhere cannot be read: name a YAML file, or a folder with such files');
  expect(status).toBe(1);
});
