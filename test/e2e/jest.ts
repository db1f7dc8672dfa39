import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENVIRONMENT_VARIABLE, type Environment } from './environment.ts';

/** Root of the checkout. */
export const REPOSITORY_ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/**
 * Writes the description of an installation, and runs suites against it by jest, as a child with our standard streams.
 * @param config name of a jest configuration in this folder
 * @param patterns only suites whose path matches one; all without any
 * @returns jest's exit code
 */
export async function runSuites(
  environment: Environment,
  environmentFile: string,
  config: string,
  patterns: readonly string[],
): Promise<number> {
  await mkdir(dirname(environmentFile), { recursive: true });
  await writeFile(environmentFile, JSON.stringify(environment, null, 2));
  const jest = join(REPOSITORY_ROOT, 'node_modules/jest/bin/jest.js');
  const args = ['--experimental-vm-modules', '--no-warnings', jest, '-c', `test/e2e/${config}`, ...patterns];
  const child = spawn(process.execPath, args, {
    cwd: REPOSITORY_ROOT,
    stdio: 'inherit',
    env: { ...process.env, [ENVIRONMENT_VARIABLE]: environmentFile },
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
