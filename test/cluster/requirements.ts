import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { ClusterConfig } from './config.ts';
import { run } from './process/command.ts';
import type { Progress } from './progress.ts';

/** A file that the machine must have, and the Debian package that brings it. */
export interface Requirement {
  /** Name of a program, or absolute path of a file. */
  readonly needs: string;
  readonly debianPackage: string;
}

/** What a node without a container engine takes from the distribution; all else is built with Go. */
export const NODE_REQUIREMENTS: readonly Requirement[] = [
  { needs: 'containerd', debianPackage: 'containerd' },
  { needs: 'ctr', debianPackage: 'containerd' },
  { needs: 'runc', debianPackage: 'runc' },
  { needs: '/usr/lib/cni/ptp', debianPackage: 'containernetworking-plugins' },
  { needs: 'buildah', debianPackage: 'buildah' },
  { needs: 'skopeo', debianPackage: 'skopeo' },
  { needs: 'mmdebstrap', debianPackage: 'mmdebstrap' },
  { needs: 'ip', debianPackage: 'iproute2' },
  { needs: 'nft', debianPackage: 'nftables' },
  { needs: 'mount', debianPackage: 'mount' },
  { needs: 'tar', debianPackage: 'tar' },
  { needs: 'openssl', debianPackage: 'openssl' },
  { needs: '/etc/ssl/certs/ca-certificates.crt', debianPackage: 'ca-certificates' },
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
  const packages = [...new Set(missing.map((requirement) => requirement.debianPackage))].join(' ');
  return `apt-get install --no-install-recommends ${packages}`;
}

/**
 * Makes sure that this machine can be a node: Linux, root, and the distribution's packages, which root gets installed.
 * @throws SluiceError `MACHINE_UNSUITABLE` with the remedy in one line
 */
export async function ensureNodeRequirements(config: ClusterConfig, progress: Progress): Promise<void> {
  if (process.platform !== 'linux') throw unsuitable('start Docker: without it a cluster needs Linux');
  const missing = () => missingRequirements(NODE_REQUIREMENTS, config.environment.PATH ?? '', existsSync);
  const advice = missing().length === 0 ? '' : ` and first: ${installAdvice(missing())}`;
  if (process.getuid?.() !== 0) throw unsuitable(`start Docker, or run this as root${advice}`);
  if (missing().length === 0) return;
  if (!existsSync('/usr/bin/apt-get')) {
    throw unsuitable(
      `start Docker, or install ${missing()
        .map((one) => one.needs)
        .join(', ')}`,
    );
  }
  const packages = [...new Set(missing().map((one) => one.debianPackage))];
  await progress.step(`install ${packages.join(' ')}`, 40, async () => {
    const environment = { ...config.environment, DEBIAN_FRONTEND: 'noninteractive' };
    // A third party's broken package source must not stop us; what we need is Debian's own, or the install says so.
    await run('apt-get', ['update', '-qq'], { environment }).catch(() => {});
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { environment });
  });
  const left = missing().map((one) => one.needs);
  if (left.length > 0) throw unsuitable(`still missing: ${left.join(', ')} (is /usr/sbin in PATH?)`);
}

function unsuitable(remedy: string): SluiceError {
  return new SluiceError(`no cluster can run here; ${remedy}`, { code: 'MACHINE_UNSUITABLE', retryable: false });
}
