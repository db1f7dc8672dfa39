import { globSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';

/** Where a module is named: `from '...'`, a bare import, `import('...')`, or Node's two ways to resolve one. */
const NAMED_MODULE =
  /^(?:import|export)\b[^'"`;]*\bfrom\s+'([^']+)'|^import\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|(?:\brequire|\bmeta|\))\.resolve\(\s*'([^']+)'/gm;

/** The package behind a module's name; null for a file of this repository or a module of Node. */
export function packageOf(module: string): string | null {
  if (/^(?:\.|\/|node:)/.test(module) || builtinModules.includes(module)) return null;
  const [first = '', second = ''] = module.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

/** Packages that a source text imports. */
export function importedPackages(text: string): readonly string[] {
  const modules = [...text.matchAll(NAMED_MODULE)].map((match) => match.slice(1).find((name) => name !== undefined));
  return modules.flatMap((module) => packageOf(module ?? '.') ?? []);
}

/** What a workspace's package.json says, as far as it is about packages. */
export interface Manifest {
  readonly name: string;
  readonly workspaces?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** Reads the package.json of a folder. */
export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** Packages that the TypeScript files below a folder import, each once, sorted. */
export function packagesImportedBelow(folder: string): readonly string[] {
  const files = globSync('**/*.ts', { cwd: folder, exclude: ['**/node_modules', '**/dist'] });
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8'));
  return [...new Set(texts.flatMap(importedPackages))].sort();
}
