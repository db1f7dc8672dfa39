import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { run } from '../cluster/process/command.ts';
import type { Progress } from '../cluster/progress.ts';

/** A file that the machine must have, and the Debian package that brings it. */
export interface Requirement {
  /** Name of a program, or absolute path of a file. */
  readonly needs: string;
  readonly debianPackage: string;
}

/** Programs of the suites that run outside the cluster. */
export const MEDIA_PROGRAMS: readonly Requirement[] = [
  { needs: 'ffmpeg', debianPackage: 'ffmpeg' },
  { needs: 'nginx', debianPackage: 'nginx-light' },
];
/** Debian's Chromium decodes H.264 and AAC; the builds that browser test tools bring do not. */
export const BROWSER_PROGRAMS: readonly Requirement[] = [{ needs: 'chromium', debianPackage: 'chromium' }];
/** VLC without its window: 7 MB to load. Its readers and decoders are a package of their own. */
export const PLAYER_PROGRAMS: readonly Requirement[] = [
  { needs: 'vlc', debianPackage: 'vlc-bin' },
  { needs: 'vlc', debianPackage: 'vlc-plugin-base' },
];

/** Requirements that are not met. @param exists whether a file is there */
export function missingRequirements(
  requirements: readonly Requirement[],
  path: string,
  exists: (file: string) => boolean,
): readonly Requirement[] {
  const folders = path.split(delimiter).filter(Boolean);
  return requirements.filter(({ needs }) =>
    needs.startsWith('/') ? !exists(needs) : !folders.some((folder) => exists(join(folder, needs))),
  );
}

/** One line that says what to install. */
export function installAdvice(missing: readonly Requirement[]): string {
  return `apt-get install --no-install-recommends ${packagesOf(missing).join(' ')}`;
}

/** Whether {@link installPackages} can work here: root, on a system with apt. */
export function canInstallPackages(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

/**
 * Installs the packages of requirements by apt-get.
 * @throws SluiceError `COMMAND_FAILED` with what apt-get says
 */
export async function installPackages(
  missing: readonly Requirement[],
  environment: Readonly<Record<string, string | undefined>>,
  progress: Progress,
): Promise<void> {
  const packages = packagesOf(missing);
  const quiet = { environment: { ...environment, DEBIAN_FRONTEND: 'noninteractive' } };
  await progress.step(`install ${packages.join(' ')}`, 60, async () => {
    // A third party's broken package source must not stop us; what we need is Debian's own, or the install says so.
    await run('apt-get', ['update', '-qq'], quiet).catch(() => {});
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], quiet);
  });
}

/**
 * Makes sure that programs are there, and installs those that are missing.
 * @param path folders to look in, as PATH names them
 * @throws SluiceError `PROGRAM_MISSING` with the command to run, where that is not possible
 */
export async function ensurePrograms(
  needed: readonly Requirement[],
  progress: Progress,
  path: string = process.env.PATH ?? '',
): Promise<void> {
  const missing = missingRequirements(needed, path, existsSync);
  if (missing.length === 0) return;
  if (canInstallPackages()) return installPackages(missing, process.env, progress);
  const programs = missing.map(({ needs }) => needs).join(', ');
  const message = `missing: ${programs}; as root run ${installAdvice(missing)}, or install them in your system's way`;
  throw new SluiceError(message, { code: 'PROGRAM_MISSING', retryable: false });
}

function packagesOf(requirements: readonly Requirement[]): readonly string[] {
  return [...new Set(requirements.map(({ debianPackage }) => debianPackage))];
}
