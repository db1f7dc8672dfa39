import { existsSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { kindMarker } from '../backend.ts';
import type { ClusterConfig } from '../config.ts';
import { succeeds } from '../process/command.ts';
import type { Progress } from '../progress.ts';
import { answers, type KindCommands, kindCommands } from './commands.ts';
import { closeRoutes, routesMarker } from './routes.ts';

/** Name of the kind cluster, and of its only container as kind forms it. */
export const NAME = 'sluice';
/** Docker's name of the cluster's only node. */
export const CONTAINER = `${NAME}-control-plane`;

/** What a caller needs to reach the cluster; `nodeAddress` is the container's IPv4 address. */
export interface KindCluster {
  readonly kubeconfigPath: string;
  readonly kubectlPath: string;
  readonly nodeAddress: string;
}

/**
 * Starts kind's cluster unless it answers already. One that does not answer is made anew.
 * @throws SluiceError `KIND_FAILED` with kind's own words and the remedy if the node does not start
 */
export async function ensureKindCluster(
  config: ClusterConfig,
  progress: Progress,
  commands?: KindCommands,
): Promise<KindCluster> {
  const { kind, docker } = commands ?? (await kindCommands(config, progress));
  const kubeconfigPath = join(config.stateDirectory, 'kubeconfig');
  await mkdir(config.stateDirectory, { recursive: true });
  await writeFile(kindMarker(config), '');
  if (!(await isRunning({ kind, docker }))) {
    await removeCluster({ kind, docker });
    await progress.step('kind cluster', 90, () => createCluster(config, { kind, docker }, kubeconfigPath));
  }
  await writeFile(kubeconfigPath, await kind('get', 'kubeconfig', '--name', NAME), { mode: 0o600 });
  return { kubeconfigPath, kubectlPath: await kubectl(config, docker), nodeAddress: await nodeAddress(docker) };
}

/** Makes images of the Docker daemon known to the node; kind skips those that it has. */
export async function loadIntoKind(
  config: ClusterConfig,
  progress: Progress,
  references: readonly string[],
  commands?: KindCommands,
): Promise<void> {
  const { kind } = commands ?? (await kindCommands(config, progress));
  await kind('load', 'docker-image', '--name', NAME, ...references);
}

/** Has Docker fetch a public image unless it has it: the node gets its images from Docker, not from a registry. */
export async function ensureInDocker(
  config: ClusterConfig,
  progress: Progress,
  reference: string,
  commands?: KindCommands,
): Promise<void> {
  const { docker } = commands ?? (await kindCommands(config, progress));
  if (await answers(docker('image', 'inspect', reference))) return;
  await progress.step(`docker pull ${reference}`, 20, () => docker('pull', '--quiet', reference));
}

/** Whether the cluster exists and its node's container runs. @throws SluiceError `COMMAND_FAILED` if Docker does not answer */
export async function kindIsRunning(
  config: ClusterConfig,
  progress: Progress,
  commands?: KindCommands,
): Promise<boolean> {
  return isRunning(commands ?? (await kindCommands(config, progress)));
}

/** Removes the cluster with everything in it, and what {@link openRoutes} has set. */
export async function stopKindCluster(
  config: ClusterConfig,
  progress: Progress,
  commands?: KindCommands,
): Promise<void> {
  const { kind, docker } = commands ?? (await kindCommands(config, progress));
  await progress.step('delete the kind cluster', 5, async () => {
    if (existsSync(routesMarker(config))) await closeRoutes(docker, CONTAINER);
    await removeCluster({ kind, docker });
  });
  await rm(config.stateDirectory, { recursive: true, force: true });
}

/** IPv4 address of the node in Docker's network. */
export async function nodeAddress(docker: KindCommands['docker']): Promise<string> {
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
  return (await docker('inspect', '--format', format, CONTAINER)).trim();
}

/** True if the node's API server says that it is ready. */
export function kindApiReady(docker: KindCommands['docker']): Promise<boolean> {
  return answers(docker('exec', CONTAINER, 'kubectl', 'get', '--raw', '/readyz', '--request-timeout', '5s'));
}

async function isRunning({ kind, docker }: KindCommands): Promise<boolean> {
  const names = (await kind('get', 'clusters')).split('\n');
  return names.includes(NAME) && (await kindApiReady(docker));
}

/** Succeeds where there is none, too. */
async function removeCluster({ kind }: KindCommands): Promise<void> {
  await kind('delete', 'cluster', '--name', NAME);
}

async function createCluster(config: ClusterConfig, { kind }: KindCommands, kubeconfigPath: string): Promise<void> {
  const image = config.kindNodeImage;
  const chosen = image === '' ? [] : ['--image', image];
  try {
    await kind('create', 'cluster', '--name', NAME, '--kubeconfig', kubeconfigPath, '--wait', '180s', ...chosen);
  } catch (cause) {
    // kind removes a node that did not start; without the marker the next start chooses its backend again.
    await rm(kindMarker(config), { force: true });
    const remedy = `if the node image cannot be pulled, name one that Docker has in SLUICE_KIND_NODE_IMAGE`;
    const message = `kind could not start a cluster (${remedy}): ${messageOf(cause)}`;
    throw new SluiceError(message, { code: 'KIND_FAILED', retryable: false, cause });
  }
}

/** The node image brings a kubectl of exactly the cluster's version; other systems than Linux need their own. */
async function kubectl(config: ClusterConfig, docker: KindCommands['docker']): Promise<string> {
  if (process.platform === 'linux') {
    const path = join(config.stateDirectory, 'kubectl');
    await docker('cp', '--follow-link', `${CONTAINER}:/usr/bin/kubectl`, path);
    await chmod(path, 0o755);
    return path;
  }
  if (await succeeds('kubectl', ['version', '--client'])) return 'kubectl';
  const message = 'kubectl is missing; install it from https://kubernetes.io/docs/tasks/tools';
  throw new SluiceError(message, { code: 'KUBECTL_MISSING', retryable: false });
}
