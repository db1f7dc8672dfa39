import { join } from 'node:path';
import type { Backend } from '../backend.ts';
import type { ClusterConfig } from '../config.ts';
import { run, succeeds } from '../process/command.ts';
import type { Progress } from '../progress.ts';
import { ensureBaseImages } from './base.ts';
import { buildah, buildahBuild, buildahHasImage } from './buildah.ts';
import { contentHash } from './content-hash.ts';
import { repositoryOf } from './oci-layout.ts';
import { IMAGES, type ImageName, imageReference } from './table.ts';

/** Builds images by what the machine has. */
interface Builder {
  /** Key of the base images, part of each image's content. */
  readonly baseKey: string;
  has(reference: string): Promise<boolean>;
  build(reference: string, dockerfile: string): Promise<void>;
}

/**
 * Builds the images whose content has changed since they were last built.
 * @returns full references by name; the tag is the content's hash
 */
export async function buildImageSet(
  config: ClusterConfig,
  progress: Progress,
  backend: Backend,
  names: readonly ImageName[],
): Promise<Partial<Record<ImageName, string>>> {
  const builder = backend === 'kind' ? dockerBuilder(config) : await buildahBuilder(config, progress);
  const references: Partial<Record<ImageName, string>> = {};
  for (const name of names) {
    const { dockerfile, usualSeconds } = IMAGES[name];
    const reference = imageReference(name, await contentHash(config.repositoryRoot, dockerfile, builder.baseKey));
    references[name] = reference;
    if (await builder.has(reference)) continue;
    await progress.step(`image ${name}`, usualSeconds, () => builder.build(reference, dockerfile));
  }
  return references;
}

function dockerBuilder(config: ClusterConfig): Builder {
  const { environment, repositoryRoot: cwd } = config;
  return {
    baseKey: '',
    has: (reference) => succeeds('docker', ['image', 'inspect', reference], { environment }),
    build: async (reference, dockerfile) => {
      await run('docker', ['build', '--tag', reference, '--file', dockerfile, '.'], { cwd, environment });
    },
  };
}

async function buildahBuilder(config: ClusterConfig, progress: Progress): Promise<Builder> {
  // What an interrupted build has left; we hold the lock, so no build runs.
  await buildah(config, ['rm', '--all']);
  return {
    baseKey: await ensureBaseImages(config, progress),
    has: (reference) => buildahHasImage(config, reference),
    build: async (reference, dockerfile) => {
      await buildahBuild(config, reference, join(config.repositoryRoot, dockerfile), config.repositoryRoot);
      await forgetOlder(config, reference);
    },
  };
}

/** Unnames older builds; layers that the new one shares with them stay. */
async function forgetOlder(config: ClusterConfig, reference: string): Promise<void> {
  const repository = repositoryOf(reference);
  const listed = await buildah(config, ['images', '--format', '{{.Name}}:{{.Tag}}']);
  const older = listed.split('\n').filter((line) => line.startsWith(`${repository}:`) && line !== reference);
  for (const one of older) await buildah(config, ['rmi', one]);
}
