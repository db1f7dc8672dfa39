import { run } from './cluster/process/command.ts';
import { createProgress } from './cluster/progress.ts';

const HELP = `Types, lint and format, and whether the generated files are current. Every check runs; exit code 1 if one fails.

usage: npm run check

Format and much of the lint are put right by: npx biome check --write
`;

/**
 * `npm run check`: types, lint and format, generated files current. Every check runs, so that one run shows all
 * that is wrong. Exit code 1 if any failed.
 */
const CHECKS: readonly { readonly title: string; readonly program: string; readonly args: readonly string[] }[] = [
  { title: 'Types', program: 'tsc', args: ['--noEmit', '-p', '.'] },
  { title: 'Types of the page', program: 'tsc', args: ['--noEmit', '-p', 'images/edge/page'] },
  { title: 'Lint and format', program: 'biome', args: ['ci', '--error-on-warnings', '--colors=off', '.'] },
  { title: 'Generated files are current', program: 'node', args: ['--no-warnings', 'crds/generate.ts', '--check'] },
  {
    title: 'Generated references are current',
    program: 'node',
    args: ['--no-warnings', 'test/reference/generate.ts', '--check'],
  },
];

/** @returns how many failed */
async function runChecks(): Promise<number> {
  const progress = createProgress();
  let failed = 0;
  for (const check of CHECKS) {
    try {
      await progress.step(check.title, 0, () => run(check.program, check.args));
    } catch (error) {
      failed += 1;
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  process.stderr.write(`${CHECKS.length - failed} passed, ${failed} failed\n`);
  return failed;
}

if (process.argv.includes('--help')) process.stdout.write(HELP);
else process.exitCode = (await runChecks()) === 0 ? 0 : 1;
