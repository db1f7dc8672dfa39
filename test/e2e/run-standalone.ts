import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProgress, durationText } from '../cluster/progress.ts';
import { BROWSER_PROGRAMS, ensurePrograms } from '../setup/debian-packages.ts';
import { SMALL_FILM } from '../standalone/film.ts';
import { prepareStandalone } from '../standalone/set-up.ts';
import { REPOSITORY_ROOT, runSuites } from './jest.ts';
import { startStandaloneOperator } from './standalone-operator.ts';

const HELP = `The end-to-end scenarios without Kubernetes: an operator that runs its pods as processes of this machine.

usage: npm run test:standalone [-- PATTERN...]

  PATTERN   run only suites whose path matches, e.g. audience, bad-input, browser

Suites named *.cluster.e2e.ts need a real Kubernetes (npm run test:e2e) and are left out. About a minute and a half in all.
`;

/** A folder for this checkout: runs of two checkouts at once must not write into each other's segments. */
function artifactRoot(): string {
  const checkout = createHash('sha256').update(REPOSITORY_ROOT).digest('hex').slice(0, 8);
  return join(tmpdir(), `sluice-standalone-${checkout}`);
}

/** Sets up, starts an operator, runs the suites against it and ends it. @returns exit code */
async function runAll(patterns: readonly string[]): Promise<number> {
  const progress = createProgress();
  await ensurePrograms(BROWSER_PROGRAMS, progress);
  const variables = { ...process.env, ...(await prepareStandalone(progress, SMALL_FILM)) };
  const folder = artifactRoot();
  const started = performance.now();
  const artifactFolder = join(folder, 'artifacts');
  const operator = await progress.step('start the operator, two edges and two sources', 12, () =>
    startStandaloneOperator({ root: REPOSITORY_ROOT, artifactFolder, variables }),
  );
  let exitCode = 1;
  try {
    exitCode = await runSuites(
      operator.environment,
      join(folder, 'environment.json'),
      'jest.standalone.config.mjs',
      patterns,
    );
  } finally {
    await progress.step('stop the operator', 2, () => operator.stop());
  }
  progress.note(`logs, screenshots and tables of frames: ${artifactFolder}`);
  progress.note(`scenarios without Kubernetes: ${durationText((performance.now() - started) / 1000)} in all`);
  return exitCode;
}

const words = process.argv.slice(2);
if (words.includes('--help')) process.stdout.write(HELP);
else process.exitCode = await runAll(words);
