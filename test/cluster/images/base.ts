import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { ClusterConfig } from '../config.ts';
import { run } from '../process/command.ts';
import type { Progress } from '../progress.ts';
import { aptSources } from './apt-sources.ts';
import { buildah, buildahBuild, buildahHasImage } from './buildah.ts';

/**
 * Our Dockerfiles name public base images. Where no registry can be reached they are made here from Debian packages
 * and from the Node.js that runs this program, under the same names.
 */
export const DEBIAN_IMAGE = 'docker.io/library/debian:trixie-slim';
/** Base of what needs nothing but Node.js. */
export const NODE_IMAGE = 'docker.io/library/node:24-trixie-slim';

const RELEASE = 'trixie';
/** What the public `slim` image leaves out as well; written into the image, so it holds for later packages too. */
const LEFT_OUT = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/info/*', '/usr/share/locale/*'];
const DEBIAN_RECIPE = [
  ...['--variant=minbase', '--include=ca-certificates'],
  ...LEFT_OUT.map((path) => `--dpkgopt=path-exclude=${path}`),
  '--dpkgopt=path-include=/usr/share/doc/*/copyright',
];
/** As in the public image: user and group `node` with id 1000. */
const NODE_DOCKERFILE = `FROM ${DEBIAN_IMAGE}
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --shell /bin/sh --create-home node
COPY node /usr/local/bin/node
CMD ["node"]
`;

/**
 * Makes the base images unless the cache has them.
 * @returns a key that changes when their recipe does
 */
export async function ensureBaseImages(config: ClusterConfig, progress: Progress): Promise<string> {
  const debianKey = keyOf(DEBIAN_RECIPE.join('\n'));
  await ensureKeyed(config, DEBIAN_IMAGE, debianKey, () =>
    progress.step('base image debian:trixie-slim from packages', 35, () => buildDebian(config)),
  );
  const nodeKey = keyOf(debianKey, NODE_DOCKERFILE, process.version, process.arch);
  await ensureKeyed(config, NODE_IMAGE, nodeKey, () =>
    progress.step('base image node:24-trixie-slim', 4, () => buildNode(config)),
  );
  return nodeKey;
}

/** An image counts as made by its recipe if it also carries the recipe's key as a tag. */
async function ensureKeyed(
  config: ClusterConfig,
  reference: string,
  key: string,
  build: () => Promise<void>,
): Promise<void> {
  const keyed = `${reference}-${key}`;
  if (await buildahHasImage(config, keyed)) return;
  await build();
  await buildah(config, ['tag', reference, keyed]);
}

async function buildDebian(config: ClusterConfig): Promise<void> {
  const context = await mkdtemp(join(config.cacheDirectory, '.image-'));
  try {
    const archive = join(context, 'root.tar');
    const sources = await machineSources();
    await run('mmdebstrap', [...DEBIAN_RECIPE, RELEASE, archive, '-'], { input: `${sources.join('\n')}\n` });
    await writeFile(join(context, 'Dockerfile'), 'FROM scratch\nADD root.tar /\nCMD ["bash"]\n');
    await buildahBuild(config, DEBIAN_IMAGE, join(context, 'Dockerfile'), context);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

async function buildNode(config: ClusterConfig): Promise<void> {
  if (!process.version.startsWith('v24.')) {
    const message = `this program runs on Node.js ${process.version}; start it by npm, which brings the Node.js 24 that goes into the images`;
    throw new SluiceError(message, { code: 'NODE_VERSION', retryable: false });
  }
  const context = await mkdtemp(join(config.cacheDirectory, '.image-'));
  try {
    await copyFile(process.execPath, join(context, 'node'));
    await writeFile(join(context, 'Dockerfile'), NODE_DOCKERFILE);
    await buildahBuild(config, NODE_IMAGE, join(context, 'Dockerfile'), context);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

async function machineSources(): Promise<readonly string[]> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => '');
  const folder = '/etc/apt/sources.list.d';
  const names = await readdir(folder).catch((): string[] => []);
  const files = [read('/etc/apt/sources.list'), ...names.map((name) => read(join(folder, name)))];
  const system = await read('/etc/os-release');
  const codename = /^ID=debian$/m.test(system) ? (/^VERSION_CODENAME=(\S+)$/m.exec(system)?.[1] ?? '') : '';
  return aptSources(await Promise.all(files), codename, RELEASE);
}

function keyOf(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 8);
}
