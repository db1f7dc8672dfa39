import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { kindMarker } from '../backend.ts';
import type { ClusterConfig } from '../config.ts';
import { run, succeeds } from '../process/command.ts';
import type { Progress } from '../progress.ts';
import { ensureTool } from '../toolchain/build.ts';

/** Name of the kind cluster, and of its only container as kind forms it. */
const NAME = 'sluice';
const CONTAINER = `${NAME}-control-plane`;

export interface KindCluster {
  readonly kubeconfigPath: string;
  readonly kubectlPath: string;
  readonly nodeAddress: string;
}

/** Starts kind's cluster unless it answers already. */
export async function ensureKindCluster(config: ClusterConfig, progress: Progress): Promise<KindCluster> {
  const kind = await kindPath(config, progress);
  const kubeconfigPath = join(config.stateDirectory, 'kubeconfig');
  await mkdir(config.stateDirectory, { recursive: true });
  await writeFile(kindMarker(config), '');
  if (!(await isRunning(kind))) {
    await progress.step('kind cluster', 90, () =>
      run(kind, ['create', 'cluster', '--name', NAME, '--kubeconfig', kubeconfigPath, '--wait', '180s']),
    );
  }
  await writeFile(kubeconfigPath, await run(kind, ['get', 'kubeconfig', '--name', NAME]), { mode: 0o600 });
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
  const address = await run('docker', ['inspect', '--format', format, CONTAINER]);
  return { kubeconfigPath, kubectlPath: await kubectl(config), nodeAddress: address.trim() };
}

/** Makes images of the Docker daemon known to the node; kind skips those that it has. */
export async function loadIntoKind(
  config: ClusterConfig,
  progress: Progress,
  references: readonly string[],
): Promise<void> {
  await run(await kindPath(config, progress), ['load', 'docker-image', '--name', NAME, ...references]);
}

export async function kindIsRunning(config: ClusterConfig, progress: Progress): Promise<boolean> {
  return isRunning(await kindPath(config, progress));
}

export async function stopKindCluster(config: ClusterConfig, progress: Progress): Promise<void> {
  const kind = await kindPath(config, progress);
  await progress.step('delete the kind cluster', 5, () => run(kind, ['delete', 'cluster', '--name', NAME]));
  await rm(config.stateDirectory, { recursive: true, force: true });
}

async function isRunning(kind: string): Promise<boolean> {
  const names = (await run(kind, ['get', 'clusters'])).split('\n');
  return names.includes(NAME) && (await succeeds('docker', ['exec', CONTAINER, 'kubectl', 'version']));
}

async function kindPath(config: ClusterConfig, progress: Progress): Promise<string> {
  return join(await ensureTool(config, progress, 'kind'), 'kind');
}

/** The node image brings a kubectl of exactly the cluster's version; other systems than Linux need their own. */
async function kubectl(config: ClusterConfig): Promise<string> {
  if (process.platform === 'linux') {
    const path = join(config.stateDirectory, 'kubectl');
    await run('docker', ['cp', `${CONTAINER}:/usr/bin/kubectl`, path]);
    await chmod(path, 0o755);
    return path;
  }
  if (await succeeds('kubectl', ['version', '--client'])) return 'kubectl';
  const message = 'kubectl is missing; install it from https://kubernetes.io/docs/tasks/tools';
  throw new SluiceError(message, { code: 'KUBECTL_MISSING', retryable: false });
}
