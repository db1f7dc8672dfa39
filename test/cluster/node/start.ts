import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterConfig } from '../config.ts';
import { importImage, removeReplacedImages } from '../images/import.ts';
import { ensureSystemImages } from '../images/system.ts';
import { type CommandOptions, run } from '../process/command.ts';
import { startDaemon, waitForDaemon } from '../process/supervise.ts';
import { waitUntil } from '../process/wait.ts';
import type { Progress } from '../progress.ts';
import { ensureTool } from '../toolchain/build.ts';
import { createCertificates } from './certificates.ts';
import { ctr, removeContainers } from './containers.ts';
import { apiServerArguments, controllerManagerArguments, etcdArguments, schedulerArguments } from './control-plane.ts';
import { corednsManifests } from './coredns.ts';
import { kubeProxyArguments } from './kube-proxy.ts';
import { writeKubeconfigs } from './kubeconfig.ts';
import { kubeletArguments } from './kubelet.ts';
import { type ClusterLayout, clusterLayout } from './layout.ts';
import { prepareMachine } from './machine.ts';
import { prepareNode, writePodNetwork } from './node-files.ts';
import { podResolverConfiguration } from './resolver.ts';
import { claimRunFolder } from './run-folder.ts';

/** All that a start step needs. */
interface Start {
  readonly config: ClusterConfig;
  readonly progress: Progress;
  readonly layout: ClusterLayout;
  /** Folder of the Kubernetes binaries. */
  readonly binaries: string;
}

/**
 * Starts a cluster of one node from nothing. The state folder must be empty or missing (see stop.ts).
 * @throws SluiceError with the end of the log of the component that did not start
 */
export async function startNodeCluster(config: ClusterConfig, progress: Progress): Promise<void> {
  const layout = clusterLayout(config);
  const binaries = await ensureTool(config, progress, 'kubernetes');
  const start: Start = { config, progress, layout, binaries };
  const systemImages = await ensureSystemImages(config, progress);
  await progress.step('certificates, addresses, configuration', 1, () => prepare(start));
  await progress.step('control plane', 6, () => startControlPlane(start));
  await progress.step('container runtime and images', 6, () => startRuntime(start, systemImages));
  await progress.step('node', 6, () => startNode(start));
  await progress.step('cluster DNS', 5, () => startDns(start));
}

async function prepare({ layout }: Start): Promise<void> {
  await mkdir(layout.volumePlugins, { recursive: true });
  await prepareMachine(layout);
  await claimRunFolder(layout);
  await createCertificates(layout);
  await writeKubeconfigs(layout);
  await prepareNode(layout, layout.node);
  await writePodNetwork(layout.node, layout.node.podRange);
  await writeFile(layout.resolvConf, (await resolver()).text);
}

async function startControlPlane(start: Start): Promise<void> {
  const { layout } = start;
  await daemon(start, 'etcd', etcdArguments(layout));
  await daemon(start, 'kube-apiserver', apiServerArguments(layout));
  await waitForDaemon(layout, 'kube-apiserver', 90, () => apiServerReady(layout, start.binaries));
  await daemon(start, 'kube-controller-manager', controllerManagerArguments(layout));
  await daemon(start, 'kube-scheduler', schedulerArguments(layout));
}

async function startRuntime(start: Start, images: readonly string[]): Promise<void> {
  const { config, layout } = start;
  const { node } = layout;
  await startDaemon(layout, 'containerd', 'containerd', ['--config', node.containerdConfig], config.environment);
  await waitForDaemon(layout, 'containerd', 60, async () => (await ctr(node, ['version'])) !== '');
  // A machine that lost power has left the containers of its last cluster in the image store.
  await removeContainers(node);
  for (const reference of images) await importImage(config, node, reference);
  await removeReplacedImages(config, node);
}

async function startNode(start: Start): Promise<void> {
  const { layout } = start;
  const { node } = layout;
  await daemon(start, 'kubelet', kubeletArguments(layout, node));
  await daemon(start, 'kube-proxy', kubeProxyArguments(node));
  const query = ['get', 'node', node.name, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'];
  await waitForDaemon(layout, 'kubelet', 90, async () => (await kubectl(layout, start.binaries, query)) === 'True');
}

async function startDns({ layout, binaries }: Start): Promise<void> {
  const manifests = JSON.stringify(corednsManifests((await resolver()).usable));
  const apply = ['apply', '--server-side', '-f', '-'];
  // The service-account and priority-class controllers may need a moment more than the API server.
  await waitUntil('cluster DNS to be accepted', 30, async () => {
    await kubectl(layout, binaries, apply, { input: manifests });
    return true;
  });
  const wait = ['rollout', 'status', 'deployment/coredns', '--namespace', 'kube-system', '--timeout', '90s'];
  await kubectl(layout, binaries, wait);
}

/** Runs the cluster's kubectl as administrator. */
export function kubectl(
  layout: ClusterLayout,
  binaries: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  return run(join(binaries, 'kubectl'), ['--kubeconfig', layout.kubeconfig, ...args], options);
}

/** True if the API server answers that it is ready. */
export async function apiServerReady(layout: ClusterLayout, binaries: string): Promise<boolean> {
  const answer = await kubectl(layout, binaries, ['get', '--raw', '/readyz', '--request-timeout', '5s']);
  return answer === 'ok';
}

function daemon({ config, layout, binaries }: Start, name: string, args: readonly string[]) {
  return startDaemon(layout, name, join(binaries, name), args, config.environment);
}

async function resolver() {
  const text = existsSync('/etc/resolv.conf') ? await readFile('/etc/resolv.conf', 'utf8') : '';
  return podResolverConfiguration(text);
}
