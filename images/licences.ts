import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A package of which at least one file went into a bundle. */
export interface BundledPackage {
  /** Folder below the repository's root, e.g. `node_modules/ws`. */
  readonly folder: string;
}

const LICENCE_FILE = /^(licen[cs]e|copying|notice)(\b|$)/i;

/**
 * Finds the npm packages behind a bundle's inputs.
 * @param inputs paths relative to the repository's root, as esbuild's metafile names them
 * @returns each package once, sorted by folder
 */
export function bundledPackages(inputs: readonly string[]): BundledPackage[] {
  const folders = new Set<string>();
  for (const input of inputs) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match?.[1] !== undefined) folders.add(match[1]);
  }
  return [...folders].sort().map((folder) => ({ folder }));
}

/**
 * The licence texts that must travel with a bundle: one chapter per package, in a stable order.
 * @param root the repository's root
 */
export function licenceText(root: string, packages: readonly BundledPackage[]): string {
  return packages.map(({ folder }) => chapter(join(root, folder))).join(`\n${'-'.repeat(80)}\n`);
}

function chapter(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    license?: string;
  };
  const files = readdirSync(folder).filter((name) => LICENCE_FILE.test(name));
  const texts = files.sort().map((name) => readFileSync(join(folder, name), 'utf8').trim());
  return [`${manifest.name} ${manifest.version} (${manifest.license ?? 'see below'})`, '', ...texts, ''].join('\n');
}
