import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { conditionsReference } from './conditions.ts';
import { eventsReference } from './events.ts';
import { metricsReference } from './metrics.ts';

/**
 * Writes the references that are made of the programs' code; `npm run generate` runs it. With `--check` it writes nothing
 * and exits with 1 if a file is not what it would write.
 */
const ROOT = join(import.meta.dirname, '../..');
const FILES: Readonly<Record<string, () => string>> = {
  'docs/conditions.md': conditionsReference,
  'docs/events.md': eventsReference,
  'docs/metrics.md': metricsReference,
};

const check = process.argv.includes('--check');
let drifted = 0;
for (const [path, content] of Object.entries(FILES)) {
  const file = join(ROOT, path);
  const current = await readFile(file, 'utf8').catch(() => '');
  if (current === content()) continue;
  drifted += 1;
  if (check) process.stderr.write(`${path} is not current: run \`npm run generate\` and commit the result\n`);
  else await writeFile(file, content()).then(() => process.stderr.write(`wrote ${path}\n`));
}
process.exitCode = check && drifted > 0 ? 1 : 0;
