import { existsSync } from 'node:fs';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { run } from '../cluster/process/command.ts';
import type { Progress } from '../cluster/progress.ts';
import { installAdvice, missingRequirements, type Requirement } from '../cluster/requirements.ts';

/** Programs of the suites that run outside the cluster. */
export const MEDIA_PROGRAMS: readonly Requirement[] = [{ needs: 'ffmpeg', debianPackage: 'ffmpeg' }];
/** Debian's Chromium decodes H.264 and AAC; the builds that browser test tools bring do not. */
export const BROWSER_PROGRAMS: readonly Requirement[] = [{ needs: 'chromium', debianPackage: 'chromium' }];

/**
 * Installs what is missing by apt-get as root.
 * @throws SluiceError `PROGRAM_MISSING` with the command to run, where that is not possible
 */
export async function ensurePrograms(needed: readonly Requirement[], progress: Progress): Promise<void> {
  const missing = missingRequirements(needed, process.env.PATH ?? '', existsSync);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    const programs = missing.map(({ needs }) => needs).join(', ');
    throw new SluiceError(
      `missing: ${programs}; as root run ${installAdvice(missing)}, or install them in your system's way`,
      {
        code: 'PROGRAM_MISSING',
        retryable: false,
      },
    );
  }
  const packages = missing.map(({ debianPackage }) => debianPackage);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await progress.step(`install ${packages.join(', ')}`, 60, async () => {
    await run('apt-get', ['update', '-qq'], { environment }).catch(() => {});
    await run('apt-get', ['install', '-qq', '-y', '--no-install-recommends', ...packages], { environment });
  });
}
