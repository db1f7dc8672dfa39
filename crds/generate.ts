import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { apiReference } from './api-reference.ts';
import { customResourceDefinition } from './custom-resource.ts';
import { API_GROUP } from './group.ts';
import { KINDS } from './kinds.ts';

/**
 * `npm run generate` writes every file that is made from the schemas: the CRDs, the chart's copies of them and the
 * reference of the API. With `--check` it writes nothing and exits with 1 if a file is not what it would write.
 */
const ROOT = join(import.meta.dirname, '..');
const HEADER = '# Generated from the schemas in crds/ by `npm run generate`. Do not edit.\n';

/** Contents of all generated files by path below the root of the repository. */
function generatedFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const kind of KINDS) {
    const yaml = HEADER + stringify(customResourceDefinition(kind), { lineWidth: 0, aliasDuplicateObjects: false });
    const name = `${API_GROUP}_${kind.names.plural}.yaml`;
    files.set(`crds/yaml/${name}`, yaml);
    files.set(`charts/sluice/files/crds/${name}`, yaml);
  }
  files.set('docs/api.md', apiReference(KINDS));
  return files;
}

async function readIfExists(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

const check = process.argv.includes('--check');
let drifted = 0;
for (const [path, content] of generatedFiles()) {
  const file = join(ROOT, path);
  if ((await readIfExists(file)) === content) continue;
  drifted += 1;
  if (check) {
    process.stderr.write(`${path} is not current: run \`npm run generate\` and commit the result\n`);
    continue;
  }
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  process.stderr.write(`wrote ${path}\n`);
}
process.exitCode = check && drifted > 0 ? 1 : 0;
