/**
 * Bundles the programs of the images into `dist/`: one ES module each, with all packages inside and their licences beside.
 *   npm run build                   everything
 *   npm run build -- edge page      only the parts named
 * The output depends on nothing but the sources and the lockfile, and files that did not change keep their times:
 * an image is rebuilt only when a program really changed.
 */
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { withLazyBuiltins } from './lazy-builtins.ts';
import { bundledPackages, licenceText } from './licences.ts';
import { withoutUnusedTexts } from './unused-texts.ts';

/** The parts that can be bundled. `page` is the viewer page that the edge image serves. */
export const PARTS = ['operator', 'edge', 'transcoder', 'page'] as const;
/** One of {@link PARTS}. */
export type Part = (typeof PARTS)[number];

const HELP = `Bundles the programs of the images and the viewer page into dist/; what has not changed is left as it is.

usage: npm run build [-- PART...]

  PART   ${PARTS.join(', ')}; all if none is named
`;

const PROGRAMS: Record<Exclude<Part, 'page'>, { entry: string; output: string }> = {
  operator: { entry: 'operator/src/main.ts', output: 'operator/operator.js' },
  edge: { entry: 'images/edge/src/main.ts', output: 'edge/sidecar.js' },
  transcoder: { entry: 'images/transcoder/src/main.ts', output: 'transcoder/agent.js' },
};
const PAGE_SOURCE = 'images/edge/page';
const PAGE_OUTPUT = 'edge/page';

/** CommonJS packages inside an ES module still call require() and look for their own folder (fluent-ffmpeg's presets). */
const REQUIRE_BANNER = [
  "import { createRequire as sluiceCreateRequire } from 'node:module';",
  "import { dirname as sluiceDirname } from 'node:path';",
  "import { fileURLToPath as sluiceFileUrlToPath } from 'node:url';",
  'const require = sluiceCreateRequire(import.meta.url);',
  'const __filename = sluiceFileUrlToPath(import.meta.url);',
  'const __dirname = sluiceDirname(__filename);',
].join('\n');

/** About as long as a line may be in the sources, so that a line of a stack trace means one place. */
const LINE_CHARACTERS = 120;

/** Browsers that hls.js 1.7 still supports understand this much. */
const PAGE_TARGET = 'es2020';

/** A file below `dist/` with its content. */
type Output = Map<string, Uint8Array>;

/**
 * Bundles parts of Sluice into a folder.
 * @param root the repository's root
 * @param parts what to bundle
 * @param log takes one line per file written or kept, with its size
 * @throws Error when an entry point is missing or does not compile; nothing is written then
 */
export async function bundle(root: string, parts: readonly Part[], log: (line: string) => void): Promise<void> {
  const outputs: { folder: string; keep: string | null; files: Output }[] = [];
  for (const part of parts) {
    if (part === 'page') outputs.push({ folder: PAGE_OUTPUT, keep: null, files: await bundlePage(root) });
    else {
      const folder = dirname(PROGRAMS[part].output);
      outputs.push({ folder, keep: part === 'edge' ? 'page' : null, files: await bundleProgram(root, part) });
    }
  }
  for (const { folder, keep, files } of outputs) {
    removeOthers(join(root, 'dist', folder), files, keep);
    for (const [path, bytes] of files) {
      const changed = writeIfChanged(join(root, 'dist', folder, path), bytes);
      log(`${`${folder}/${path}`.padEnd(36)} ${kilobytes(bytes)} kB${changed ? '' : ' (unchanged)'}`);
    }
  }
}

async function bundleProgram(root: string, part: Exclude<Part, 'page'>): Promise<Output> {
  const { entry, output } = PROGRAMS[part];
  requireFile(root, entry);
  const { script, licences } = await runEsbuild(root, entry, {
    platform: 'node',
    target: 'node24',
    banner: { js: REQUIRE_BANNER },
    // Node.js holds a program's text as long as it runs, with two bytes per character where one of them is not Latin.
    charset: 'ascii',
    minifyWhitespace: true,
    // Stack traces name lines.
    lineLimit: LINE_CHARACTERS,
    plugins: [withoutUnusedTexts, withLazyBuiltins],
    // Optional native add-ons of ws; it tries them and goes on without.
    external: ['bufferutil', 'utf-8-validate'],
  });
  return new Map([
    [output.slice(output.lastIndexOf('/') + 1), script],
    ['LICENSES.txt', licences],
    ...manifestsOf(join(root, dirname(entry))),
  ]);
}

/** YAML that a program reads at run time, from beside its script. @throws Error where two files have one name */
function manifestsOf(folder: string): readonly [string, Uint8Array][] {
  const paths = globSync('**/*.yaml', { cwd: folder });
  const names = paths.map((path) => basename(path));
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined)
    throw new Error(`${folder}: two files are named ${twice}, and lie side by side in the bundle`);
  return paths.map((path) => [basename(path), readFileSync(join(folder, path))]);
}

/** The page: `page.ts` (with hls.js inside) as one script; every other file (HTML, CSS, images) as it stands. */
async function bundlePage(root: string): Promise<Output> {
  const entry = join(PAGE_SOURCE, 'page.ts');
  requireFile(root, entry);
  requireFile(root, join(PAGE_SOURCE, 'index.html'));
  const files: Output = new Map();
  for (const file of readdirSync(join(root, PAGE_SOURCE), { recursive: true, withFileTypes: true })) {
    if (!file.isFile() || file.name.endsWith('.ts') || file.name === 'tsconfig.json') continue;
    const path = join(file.parentPath, file.name);
    files.set(relative(join(root, PAGE_SOURCE), path), readFileSync(path));
  }
  const { script, licences } = await runEsbuild(root, entry, {
    platform: 'browser',
    target: PAGE_TARGET,
    minify: true,
  });
  return files.set('page.js', script).set('LICENSES.txt', licences);
}

async function runEsbuild(
  root: string,
  entry: string,
  options: BuildOptions,
): Promise<{ script: Uint8Array; licences: Uint8Array }> {
  const result = await build({
    charset: 'utf8',
    ...options,
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: 'bundle.js',
    bundle: true,
    format: 'esm',
    write: false,
    metafile: true,
    legalComments: 'eof',
    logLevel: 'warning',
  });
  const script = result.outputFiles[0];
  if (script === undefined) throw new Error(`${entry}: esbuild produced no file`);
  const packages = bundledPackages(Object.keys(result.metafile.inputs));
  return { script: script.contents, licences: Buffer.from(licenceText(root, packages)) };
}

function requireFile(root: string, path: string): void {
  if (!existsSync(join(root, path))) throw new Error(`entry point ${path} does not exist`);
}

function writeIfChanged(path: string, bytes: Uint8Array): boolean {
  if (existsSync(path) && readFileSync(path).equals(bytes)) return false;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return true;
}

function removeOthers(folder: string, files: Output, keep: string | null): void {
  if (!existsSync(folder)) return;
  const wanted = [...files.keys()];
  for (const name of readdirSync(folder)) {
    const inUse = name === keep || wanted.some((path) => path === name || path.startsWith(`${name}/`));
    if (!inUse) rmSync(join(folder, name), { recursive: true });
  }
}

function kilobytes(bytes: Uint8Array): string {
  return (bytes.length / 1000).toFixed(1).padStart(9);
}

function partsNamed(names: readonly string[]): readonly Part[] {
  const unknown = names.filter((name) => !PARTS.some((part) => part === name));
  if (unknown.length > 0) throw new Error(`unknown part ${unknown.join(', ')}; known: ${PARTS.join(', ')}`);
  return names.length > 0 ? PARTS.filter((part) => names.includes(part)) : PARTS;
}

if (import.meta.main) {
  const words = process.argv.slice(2);
  try {
    if (words.includes('--help')) process.stdout.write(HELP);
    else await bundle(resolve(import.meta.dirname, '..'), partsNamed(words), (line) => console.log(line));
  } catch (error) {
    console.error(`cannot bundle: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
