import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterConfig } from '../config.ts';
import { type CommandOptions, run, succeeds } from '../process/command.ts';

/** Buildah with its layers in our cache instead of the machine's storage. Needs root; runs no daemon. */
export async function buildah(
  config: ClusterConfig,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { program, prefix, environment } = await invocation(config);
  return run(program, [...prefix, ...args], { environment, ...options });
}

/** True if the local storage has the image. @param reference full name with tag */
export async function buildahHasImage(config: ClusterConfig, reference: string): Promise<boolean> {
  const { program, prefix, environment } = await invocation(config);
  return succeeds(program, [...prefix, 'inspect', '--type', 'image', reference], { environment });
}

/** Folder of all layers; buildah mounts some below it while it works. */
export function buildahFolder(config: ClusterConfig): string {
  return join(config.cacheDirectory, 'buildah');
}

async function invocation(config: ClusterConfig) {
  const root = buildahFolder(config);
  const runRoot = join(config.runDirectory, 'buildah');
  await mkdir(root, { recursive: true });
  await mkdir(runRoot, { recursive: true });
  const storage = join(root, 'sluice-storage.conf');
  const containers = join(root, 'sluice-containers.conf');
  await writeFile(storage, storageConfiguration(root, runRoot));
  await writeFile(containers, `[network]\nnetwork_config_dir = ${JSON.stringify(join(root, 'networks'))}\n`);
  return {
    program: 'buildah',
    prefix: ['--root', root, '--runroot', runRoot, '--storage-driver', 'overlay'],
    environment: {
      ...config.environment,
      // chroot needs neither user namespaces nor cgroups of its own, and RUN steps use the machine's network.
      BUILDAH_ISOLATION: 'chroot',
      // Without these files it also makes empty folders at the machine's own places, whatever the options say.
      CONTAINERS_STORAGE_CONF: storage,
      CONTAINERS_CONF: containers,
    },
  };
}

/** man 5 containers-storage.conf */
function storageConfiguration(root: string, runRoot: string): string {
  const text = JSON.stringify;
  return `[storage]\ndriver = "overlay"\ngraphroot = ${text(root)}\nrunroot = ${text(runRoot)}\n`;
}

/**
 * Writes an image into an OCI image layout. skopeo, because buildah's own push compresses every layer each time;
 * uncompressed layers that the layout has already cost nothing.
 */
export async function exportToLayout(config: ClusterConfig, reference: string, folder: string): Promise<void> {
  const { environment } = await invocation(config);
  const target = `oci:${folder}:${reference}`;
  const args = ['copy', '--quiet', '--dest-oci-accept-uncompressed-layers', `containers-storage:${reference}`, target];
  await run('skopeo', args, { environment });
}

/**
 * Builds a Dockerfile from local base images only. Unchanged steps come from the layer cache.
 * @param context folder that COPY paths are relative to
 */
export async function buildahBuild(
  config: ClusterConfig,
  reference: string,
  dockerfile: string,
  context: string,
): Promise<void> {
  const args = [
    'bud',
    '--pull-never',
    '--layers',
    '--format',
    'oci',
    '--tag',
    reference,
    '--file',
    dockerfile,
    context,
  ];
  await buildah(config, args);
}
