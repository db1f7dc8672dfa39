import { existsSync } from 'node:fs';
import { SluiceError } from '@sluice/common/errors/error.ts';
import {
  canInstallPackages,
  installAdvice,
  installPackages,
  missingRequirements,
  type Requirement,
} from '../setup/debian-packages.ts';
import type { ClusterConfig } from './config.ts';
import type { Progress } from './progress.ts';

/** What a node without a container engine takes from the distribution; all else is built with Go. */
const NODE_REQUIREMENTS: readonly Requirement[] = [
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

/**
 * Makes sure that this machine can be a node: Linux, root, and the distribution's packages, which root gets installed.
 * @throws SluiceError `MACHINE_UNSUITABLE` with the remedy in one line
 */
export async function ensureNodeRequirements(config: ClusterConfig, progress: Progress): Promise<void> {
  if (process.platform !== 'linux') throw unsuitable('start Docker: without it a cluster needs Linux');
  const look = () => missingRequirements(NODE_REQUIREMENTS, config.environment.PATH ?? '', existsSync);
  const missing = look();
  const names = (requirements: readonly Requirement[]) => requirements.map(({ needs }) => needs).join(', ');
  if (process.getuid?.() !== 0) {
    const advice = missing.length === 0 ? '' : ` and first: ${installAdvice(missing)}`;
    throw unsuitable(`start Docker, or run this as root${advice}`);
  }
  if (missing.length === 0) return;
  if (!canInstallPackages()) throw unsuitable(`start Docker, or install ${names(missing)}`);
  await installPackages(missing, config.environment, progress);
  const left = look();
  if (left.length > 0) throw unsuitable(`still missing: ${names(left)} (is /usr/sbin in PATH?)`);
}

function unsuitable(remedy: string): SluiceError {
  return new SluiceError(`no cluster can run here; ${remedy}`, { code: 'MACHINE_UNSUITABLE', retryable: false });
}
