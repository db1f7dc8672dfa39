import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { run } from '../cluster/process/command.ts';
import type { Progress } from '../cluster/progress.ts';

/** A program that must be there, and the Debian package that brings it. */
export interface NeededProgram {
  readonly program: string;
  readonly debianPackage: string;
}

/** Programs of the suites that run outside the cluster. */
export const MEDIA_PROGRAMS: readonly NeededProgram[] = [{ program: 'ffmpeg', debianPackage: 'ffmpeg' }];
/** Chromium of Debian decodes H.264 and AAC; the builds that browser test tools bring do not. */
export const BROWSER_PROGRAMS: readonly NeededProgram[] = [{ program: 'chromium', debianPackage: 'chromium' }];

/** Those of `needed` that are not on the path. */
export function missingPrograms(needed: readonly NeededProgram[], path: string): NeededProgram[] {
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  return needed.filter(({ program }) => !folders.some((folder) => existsSync(join(folder, program))));
}

/**
 * Installs what is missing by apt-get as root.
 * @throws SluiceError `PROGRAM_MISSING` with the command to run, where that is not possible
 */
export async function ensurePrograms(needed: readonly NeededProgram[], progress: Progress): Promise<void> {
  const missing = missingPrograms(needed, process.env.PATH ?? '');
  if (missing.length === 0) return;
  const packages = missing.map(({ debianPackage }) => debianPackage);
  const command = `apt-get install --no-install-recommends ${packages.join(' ')}`;
  if (
    process.getuid?.() !== 0 ||
    missingPrograms([{ program: 'apt-get', debianPackage: 'apt' }], process.env.PATH ?? '').length > 0
  ) {
    const programs = missing.map(({ program }) => program).join(', ');
    throw new SluiceError(`${programs} missing: as root run ${command}, or install them in your system's way`, {
      code: 'PROGRAM_MISSING',
      retryable: false,
    });
  }
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await progress.step(`Installing ${packages.join(', ')} by apt-get`, 60, async () => {
    await run('apt-get', ['update', '-q'], { environment });
    await run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...packages], { environment });
  });
}
