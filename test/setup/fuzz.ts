/**
 * `npm run fuzz -- [ROUNDS] [PATTERN]`: runs the property tests with a new seed in each round and a hundred times the cases
 * that the gate takes, with lists and texts as long as the tests allow. Prints the seed of each round; a counterexample names
 * the seed that finds it again, with SLUICE_PROPERTY_SIZE=max.
 */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Times the cases that a test names, of which the gate takes half: a round of all suites takes minutes on two cores. */
const RUNS_FACTOR = 50;
/** A property that the gate checks in a second may take fifty times as long here, on a busy machine more. */
const TEST_TIMEOUT_MILLISECONDS = 600_000;
const SEEDS = 2 ** 31;

const root = resolve(import.meta.dirname, '../..');

function propertySuites(pattern: string): readonly string[] {
  return globSync('{crds,operator,images,test}/**/*.test.ts', {
    cwd: root,
    exclude: (path) => path.includes('node_modules'),
  }).filter((path) => path.includes(pattern) && readFileSync(resolve(root, path), 'utf8').includes('fc.assert('));
}

function round(suites: readonly string[], seed: number): boolean {
  const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
  const { status } = spawnSync(
    process.execPath,
    [...jest, `--testTimeout=${TEST_TIMEOUT_MILLISECONDS}`, '--runTestsByPath', ...suites],
    {
      cwd: root,
      stdio: 'inherit',
      env: {
        ...process.env,
        SLUICE_PROPERTY_SEED: String(seed),
        SLUICE_PROPERTY_RUNS_FACTOR: String(RUNS_FACTOR),
        SLUICE_PROPERTY_SIZE: 'max',
      },
    },
  );
  return status === 0;
}

const [rounds = '1', pattern = ''] = process.argv.slice(2);
const count = Number(rounds);
const suites = propertySuites(pattern);
if (!Number.isInteger(count) || count < 1 || suites.length === 0) {
  console.error(
    suites.length === 0
      ? `No property test's path contains "${pattern}".`
      : 'Usage: npm run fuzz -- [ROUNDS] [PATTERN], ROUNDS a whole number from 1',
  );
  process.exit(2);
}
let failed = 0;
for (let done = 0; done < count; done += 1) {
  const seed = randomInt(SEEDS);
  console.log(`Round ${done + 1} of ${count}: ${suites.length} suites with seed ${seed}`);
  if (!round(suites, seed)) failed += 1;
}
console.log(`${count - failed} of ${count} rounds found nothing`);
process.exitCode = failed === 0 ? 0 : 1;
