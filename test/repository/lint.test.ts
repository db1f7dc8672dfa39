import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const REPOSITORY = join(import.meta.dirname, '../..');
const BIOME = join(dirname(createRequire(import.meta.url).resolve('@biomejs/biome/package.json')), 'bin/biome');
const FOLDERS = ['crds', 'operator/src', 'images/edge/src', 'images/edge/page', 'images/transcoder/src', 'test/e2e'];

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lint-'));
  copyFileSync(join(REPOSITORY, 'biome.json'), join(root, 'biome.json'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** What the linter says, with this repository's rules, of the same file in every folder. */
function lint(text: string): string {
  for (const folder of FOLDERS) {
    mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, folder, 'save.ts'), 'export async function save(): Promise<void> {}\n');
    writeFileSync(join(root, folder, 'sample.ts'), text);
  }
  const args = [BIOME, 'lint', '--error-on-warnings', '--max-diagnostics=none', '--reporter=github', '.'];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  return stdout + stderr;
}

/** A busy machine may take seconds to start the linter. */
const TIMEOUT_MS = 60_000;

test(
  'the linter refuses a floating promise of another file in every folder with code',
  () => {
    const output = lint("import { save } from './save.ts';\nsave();\n");
    for (const folder of FOLDERS) {
      expect(output).toMatch(new RegExp(`lint/nursery/noFloatingPromises,file=[^,]*${folder}/sample\\.ts`));
    }
  },
  TIMEOUT_MS,
);

test(
  'the linter has nothing against one that is awaited',
  () => {
    expect(lint("import { save } from './save.ts';\nawait save();\n")).not.toContain('::error');
  },
  TIMEOUT_MS,
);
