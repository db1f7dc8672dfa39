import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { bundle } from './bundle.ts';
import { bundledPackages } from './licences.ts';

let root: string;
const quiet = (): void => {};

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'bundle-'));
  write('node_modules/tool/package.json', '{"name":"tool","version":"1.2.3","license":"MIT","main":"index.js"}');
  write('node_modules/tool/index.js', "module.exports = { separator: require('path').sep };");
  write('node_modules/tool/LICENSE', 'Copyright somebody');
  write(
    'images/transcoder/src/main.ts',
    "import tool from 'tool';\nconst text: string = tool.separator;\nconsole.log(text);\n",
  );
});
afterEach(() => rmSync(root, { recursive: true }));

describe('bundle', () => {
  test('puts packages and their licences into one program, without a path of this machine', async () => {
    const lines: string[] = [];
    await bundle(root, ['transcoder'], (line) => lines.push(line));
    const script = readFileSync(join(root, 'dist/transcoder/agent.js'), 'utf8');
    expect(script).toContain('separator');
    expect(script).not.toContain(root);
    expect(readFileSync(join(root, 'dist/transcoder/LICENSES.txt'), 'utf8')).toBe(
      'tool 1.2.3 (MIT)\n\nCopyright somebody\n',
    );
    expect(lines).toEqual([
      expect.stringMatching(/^transcoder\/agent.js +\d+\.\d kB$/),
      expect.stringContaining('LICENSES'),
    ]);
  });

  test("gets Node's own modules without all of their exports, some of which load a great deal", async () => {
    write(
      'images/transcoder/src/main.ts',
      "import { createServer } from 'node:http';\nconsole.log(createServer.name);\n",
    );
    await bundle(root, ['transcoder'], quiet);
    // Long lines are cut, texts too.
    const script = readFileSync(join(root, 'dist/transcoder/agent.js'), 'utf8').replaceAll('\\\n', '');
    expect(script).toContain('getBuiltinModule("node:http")');
    expect(script).not.toContain("from 'node:http'");
  });

  test('leaves a file that did not change as it is, and removes what is no longer made', async () => {
    await bundle(root, ['transcoder'], quiet);
    const path = join(root, 'dist/transcoder/agent.js');
    utimesSync(path, 1000, 1000);
    write('dist/transcoder/old.js', '');
    await bundle(root, ['transcoder'], quiet);
    expect(statSync(path).mtimeMs).toBe(1_000_000);
    expect(readdirSync(join(root, 'dist/transcoder')).sort()).toEqual(['LICENSES.txt', 'agent.js']);
  });

  test('keeps the page when the sidecar beside it is bundled', async () => {
    write('images/edge/src/main.ts', 'console.log(1);');
    write('images/edge/page/page.ts', 'const text: string = "page";\nconsole.log(text);');
    write('images/edge/page/index.html', '<!doctype html>');
    await bundle(root, ['page'], quiet);
    await bundle(root, ['edge'], quiet);
    expect(readdirSync(join(root, 'dist/edge')).sort()).toEqual(['LICENSES.txt', 'page', 'sidecar.js']);
    expect(readdirSync(join(root, 'dist/edge/page')).sort()).toEqual(['LICENSES.txt', 'index.html', 'page.js']);
  });

  test('refuses a missing entry point and writes nothing', async () => {
    await expect(bundle(root, ['transcoder', 'operator'], quiet)).rejects.toThrow(
      'entry point operator/src/main.ts does not exist',
    );
    expect(() => statSync(join(root, 'dist'))).toThrow('ENOENT');
  });
});

describe('bundledPackages', () => {
  test('finds each package once, scoped and nested ones too, and no workspace', () => {
    const inputs = [
      'operator/src/main.ts',
      'node_modules/ws/lib/a.js',
      'node_modules/ws/lib/b.js',
      'node_modules/@scope/name/index.js',
      'node_modules/a/node_modules/b/index.js',
    ];
    expect(bundledPackages(inputs).map(({ folder }) => folder)).toEqual([
      'node_modules/@scope/name',
      'node_modules/a/node_modules/b',
      'node_modules/ws',
    ]);
  });
});
