import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { importedPackages, packageOf, packagesImportedBelow, readManifest } from './imports.ts';

const ROOT = join(import.meta.dirname, '../..');
const root = readManifest(ROOT);

describe('importedPackages', () => {
  test('reads every form of import, over several lines too', () => {
    const text = [
      "import { a } from 'one';",
      'import {\n  type B,\n  c,\n} from "not-our-quotes";'.replaceAll('"', "'"),
      "import type { D } from '@scope/two/deep/file.ts';",
      "export { e } from 'three';",
      "import 'four';",
      "const lazy = await import('jest');",
      "const path = createRequire(import.meta.url).resolve('typescript/lib.js');",
      "import own from './own.ts';",
      "import fs from 'node:fs';",
    ].join('\n');
    expect(importedPackages(text)).toEqual([
      'one',
      'not-our-quotes',
      '@scope/two',
      'three',
      'four',
      'jest',
      'typescript',
    ]);
  });

  test('leaves out what only looks like an import', () => {
    const text = "const note = 'taken from elsewhere';\n// import x from 'comment'\nwaiting.at(-1)?.resolve('yes');";
    expect(importedPackages(text)).toEqual([]);
  });

  test('knows modules of Node without their prefix', () => {
    expect(packageOf('path')).toBeNull();
  });
});

describe.each(root.workspaces ?? [])('%s', (workspace) => {
  const folder = join(ROOT, workspace);
  const manifest = readManifest(folder);
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  const imported = packagesImportedBelow(folder);

  test('declares every package that it imports, or the root does for the tests of all', () => {
    const known = new Set([...declared, ...Object.keys(root.devDependencies ?? {}), manifest.name]);
    expect(imported.filter((name) => !known.has(name))).toEqual([]);
  });

  test('imports every package that it declares', () => {
    const used = new Set(imported);
    expect(declared.filter((name) => !used.has(name) && !name.startsWith('@types/'))).toEqual([]);
  });
});
