import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where this program keeps what it makes. All paths are absolute. */
export interface ClusterConfig {
  /** Root of the checkout: build context of the images. */
  readonly repositoryRoot: string;
  /** Binaries, base images and image layers, keyed by version and content; survives `down`. */
  readonly cacheDirectory: string;
  /** Everything of the running cluster; removed by `down`. */
  readonly stateDirectory: string;
  /** Sockets and mounts of the running cluster; short, because a unix socket's path ends at 107 bytes. */
  readonly runDirectory: string;
  /** Node image for kind, which Docker has or can pull; empty for the one that kind's version names. */
  readonly kindNodeImage: string;
  /** The environment that child programs start from. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads `SLUICE_CACHE` (default `$XDG_CACHE_HOME/sluice`, else `~/.cache/sluice`),
 * `SLUICE_STATE` (default `<cache>/cluster`) and `SLUICE_KIND_NODE_IMAGE` (default: kind's own). The only place where
 * this program looks at its environment.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): ClusterConfig {
  const userCache = environment.XDG_CACHE_HOME || join(environment.HOME || homedir(), '.cache');
  const cacheDirectory = resolve(environment.SLUICE_CACHE || join(userCache, 'sluice'));
  return {
    repositoryRoot: fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, ''),
    cacheDirectory,
    stateDirectory: resolve(environment.SLUICE_STATE || join(cacheDirectory, 'cluster')),
    runDirectory: '/run/sluice-cluster',
    kindNodeImage: environment.SLUICE_KIND_NODE_IMAGE ?? '',
    environment,
  };
}
