import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { type Backend, chooseBackend, kindMarker } from './backend.ts';
import { type ClusterConfig, readConfig } from './config.ts';
import { buildImageSet } from './images/build.ts';
import { importImage } from './images/import.ts';
import { bundlesOf, IMAGE_NAMES, type ImageName } from './images/table.ts';
import { restartKindApiServer } from './kind/api-server.ts';
import { kindCommands } from './kind/commands.ts';
import { CONTAINER, ensureKindCluster, kindIsRunning, loadIntoKind, stopKindCluster } from './kind/kind.ts';
import { openRoutes } from './kind/routes.ts';
import { restartNodeApiServer } from './node/api-server.ts';
import { clusterLayout, nodeDaemons, nodeLayout, SECOND_NODE } from './node/layout.ts';
import { hasNodeState } from './node/run-folder.ts';
import {
  removeSecondNode as removeNode,
  runningNodes,
  startDevicePlugin,
  startSecondNode,
} from './node/second-node.ts';
import { apiServerReady, startNodeCluster } from './node/start.ts';
import { stopNodeCluster } from './node/stop.ts';
import { run } from './process/command.ts';
import { withLock } from './process/lock.ts';
import { findDaemon, listDaemons } from './process/supervise.ts';
import { createProgress, type Progress } from './progress.ts';
import { ensureNodeRequirements } from './requirements.ts';
import { ensureTool } from './toolchain/build.ts';

/** A cluster that answers. Paths are absolute. */
export interface Cluster {
  readonly backend: Backend;
  /** Administrator's kubeconfig. */
  readonly kubeconfigPath: string;
  readonly kubectlPath: string;
  readonly helmPath: string;
  readonly kubeconformPath: string;
  /** IPv4 address of the node: node ports are reached there. */
  readonly nodeAddress: string;
}

/** Paths of the tools that need no cluster. */
export interface Tools {
  readonly helmPath: string;
  readonly kubeconformPath: string;
}

/** What every function here works with; tests of this folder give their own. */
export interface Context {
  readonly config: ClusterConfig;
  readonly progress: Progress;
}

/** Configuration from the environment, progress on the terminal. */
export function defaultContext(): Context {
  return { config: readConfig(), progress: createProgress() };
}

/** Builds Helm and kubeconform unless the cache has them. */
export async function ensureTools(context: Context = defaultContext()): Promise<Tools> {
  const { config, progress } = context;
  const helmPath = join(await ensureTool(config, progress, 'helm'), 'helm');
  return { helmPath, kubeconformPath: join(await ensureTool(config, progress, 'kubeconform'), 'kubeconform') };
}

/**
 * Returns the running cluster, starting it if there is none: in seconds if it runs, under a minute with a filled cache,
 * about ten minutes on a new machine.
 * @throws SluiceError with the remedy if this machine cannot run one
 */
export async function ensureCluster(context: Context = defaultContext()): Promise<Cluster> {
  const { config, progress } = context;
  return locked(context, 'cluster', async () => {
    const backend = await chooseBackend(config);
    if (backend === 'kind') {
      const tools = await ensureTools(context);
      return { backend, ...tools, ...(await ensureKindCluster(config, progress)) };
    }
    await ensureNodeRequirements(config, progress);
    const tools = await ensureTools(context);
    if (!(await nodeClusterRuns(context))) {
      try {
        await locked(context, 'images', async () => {
          if (hasNodeState(config)) await stopNodeCluster(config, progress);
          await startNodeCluster(config, progress);
        });
      } catch (error) {
        progress.note(`  logs: ${clusterLayout(config).logDirectory} (removed by the next up or down)`);
        throw error;
      }
    }
    const layout = clusterLayout(config);
    const kubectlPath = join(await ensureTool(config, progress, 'kubernetes'), 'kubectl');
    return { backend, ...tools, kubeconfigPath: layout.kubeconfig, kubectlPath, nodeAddress: layout.node.address };
  });
}

/**
 * Bundles the programs and builds the images whose content has changed.
 * @param names all images if left out
 * @returns full references with the content's hash as tag, by name
 */
export async function buildImages<Name extends ImageName = ImageName>(
  names: readonly Name[] = IMAGE_NAMES as readonly Name[],
  context: Context = defaultContext(),
): Promise<Record<Name, string>> {
  const { config, progress } = context;
  return locked(context, 'images', async () => {
    const backend = await chooseBackend(config);
    if (backend === 'node') await ensureNodeRequirements(config, progress);
    const parts = bundlesOf(names);
    if (parts.length > 0) {
      const bundle = join(config.repositoryRoot, 'images/bundle.ts');
      await progress.step(`bundle ${parts.join(', ')}`, 3, () =>
        run(process.execPath, ['--no-warnings', bundle, ...parts], { cwd: config.repositoryRoot }),
      );
    }
    return (await buildImageSet(config, progress, backend, names)) as Record<Name, string>;
  });
}

/** Makes images known to the cluster's nodes; those that it has already cost nothing. */
export async function loadImages(
  cluster: Cluster,
  references: readonly string[],
  context: Context = defaultContext(),
): Promise<void> {
  const { config, progress } = context;
  if (cluster.backend === 'kind') {
    await progress.step(`load ${references.length} images`, 20, () => loadIntoKind(config, progress, references));
    return;
  }
  await locked(context, 'images', async () => {
    for (const node of runningNodes(config)) {
      for (const reference of references) {
        await progress.step(`load ${reference} into ${node.name}`, 1, () => importImage(config, node, reference));
      }
    }
  });
}

/**
 * Lets this machine reach pods and Services by their addresses. It can already where it is the node itself; into kind's
 * network it gets routes, until the cluster is stopped.
 */
export async function reachPods(cluster: Cluster, { config, progress }: Context = defaultContext()): Promise<void> {
  if (cluster.backend === 'node') return;
  const { docker } = await kindCommands(config, progress);
  await openRoutes(config, docker, CONTAINER, cluster.nodeAddress);
}

/** Restarts the API server of the running cluster. @param downSeconds how long nothing answers before its new start */
export async function restartApiServer(downSeconds: number, context: Context = defaultContext()): Promise<void> {
  const { config, progress } = context;
  const restart =
    (await chooseBackend(config)) === 'kind'
      ? async () => restartKindApiServer((await kindCommands(config, progress)).docker, downSeconds)
      : () => restartNodeApiServer(config, progress, downSeconds);
  await locked(context, 'cluster', () =>
    progress.step(`API server away for ${downSeconds} s`, downSeconds + 5, restart),
  );
}

/** What the test device plugin of the second node offers. */
export interface TestDevices {
  /** Extended resource, e.g. `nvidia.com/gpu`. */
  readonly resourceName: string;
  readonly count: number;
}

/**
 * Adds a second node with the images of the first, unless there is one; with `devices`, one that offers these by a
 * device plugin. @returns its name
 * @throws SluiceError `SECOND_NODE_UNSUPPORTED` on a kind cluster, whose nodes are fixed when it is made
 */
export async function ensureSecondNode(
  cluster: Cluster,
  devices: TestDevices | null = null,
  context: Context = defaultContext(),
): Promise<string> {
  const { config, progress } = context;
  if (cluster.backend === 'kind') {
    throw new SluiceError('a second node can only be added to the cluster that runs without Docker', {
      code: 'SECOND_NODE_UNSUPPORTED',
      retryable: false,
    });
  }
  return locked(context, 'cluster', () =>
    locked(context, 'images', async () => {
      const name = await startSecondNode(config, progress);
      if (devices !== null) {
        await progress.step(`${devices.count} x ${devices.resourceName} on ${name}`, 2, () =>
          startDevicePlugin(config, progress, devices),
        );
      }
      return name;
    }),
  );
}

/** Removes the second node and all that ran on it. Does nothing if there is none, as on kind. */
export async function removeSecondNode(context: Context = defaultContext()): Promise<void> {
  const { config, progress } = context;
  if ((await chooseBackend(config)) === 'kind') return;
  await locked(context, 'cluster', () => removeNode(config, progress));
}

/** Stops the cluster and removes everything but the caches. Does nothing if there is none. */
export async function stopCluster(context: Context = defaultContext()): Promise<void> {
  const { config, progress } = context;
  await locked(context, 'cluster', async () => {
    if (existsSync(kindMarker(config))) await stopKindCluster(config, progress);
    else if (hasNodeState(config)) await locked(context, 'images', () => stopNodeCluster(config, progress));
    else progress.note('  no cluster runs');
  });
}

/** True if a cluster was started and not stopped; it may have died since. */
export async function clusterStarted({ config }: Context = defaultContext()): Promise<boolean> {
  return existsSync(kindMarker(config)) || (await listDaemons(clusterLayout(config))).length > 0;
}

/** Lines for people: what runs where. */
export async function clusterStatus(context: Context = defaultContext()): Promise<readonly string[]> {
  const { config, progress } = context;
  if (existsSync(kindMarker(config))) {
    return [`kind cluster: ${(await kindIsRunning(config, progress)) ? 'running' : 'not running'}`];
  }
  const layout = clusterLayout(config);
  const names = await listDaemons(layout);
  if (names.length === 0) return ['no cluster runs'];
  const lines = names.map((name) => {
    const found = findDaemon(layout, name);
    return `${name}: ${found === null ? 'ENDED' : `running, pid ${found.pid}`}`;
  });
  return [...lines, `kubeconfig: ${layout.kubeconfig}`, `logs: ${layout.logDirectory}`];
}

/** Started with all its processes alive and an API server that answers. */
async function nodeClusterRuns({ config, progress }: Context): Promise<boolean> {
  const layout = clusterLayout(config);
  // A second node that has died costs itself alone.
  const second = new Set<string>(Object.values(nodeDaemons(nodeLayout(config, SECOND_NODE))));
  const names = (await listDaemons(layout)).filter((name) => !second.has(name));
  const complete = names.includes('kube-proxy') && names.every((name) => findDaemon(layout, name) !== null);
  if (!complete) return false;
  const binaries = await ensureTool(config, progress, 'kubernetes');
  return apiServerReady(layout, binaries).catch(() => false);
}

function locked<T>({ config, progress }: Context, name: string, work: () => Promise<T>): Promise<T> {
  const onWait = (pid: number) => progress.note(`  waiting for another command (pid ${pid}) that works on the ${name}`);
  return withLock(join(config.cacheDirectory, 'locks'), name, onWait, work);
}
