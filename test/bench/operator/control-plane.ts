import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Context } from '../../cluster/cluster.ts';
import { createCertificates } from '../../cluster/node/certificates.ts';
import {
  apiServerArguments,
  controllerManagerArguments,
  etcdArguments,
  schedulerArguments,
} from '../../cluster/node/control-plane.ts';
import { writeKubeconfigs } from '../../cluster/node/kubeconfig.ts';
import { API_PORT, type ClusterLayout, clusterLayout } from '../../cluster/node/layout.ts';
import { apiServerReady } from '../../cluster/node/start.ts';
import { findDaemon, startDaemon, stopDaemon, waitForDaemon } from '../../cluster/process/supervise.ts';
import { ensureTool } from '../../cluster/toolchain/build.ts';
import { createKubectl, type Kubectl } from '../../install/kubectl.ts';
import type { Interruption } from '../interruption.ts';
import { type Usage, usageOf } from '../process-usage.ts';

/** Beside the test cluster's own address: both may run at the same time. */
const ADDRESS = '127.0.8.2';
/** In the order in which they are stopped. */
const DAEMONS = ['kwok', 'kube-scheduler', 'kube-controller-manager', 'kube-apiserver', 'etcd'] as const;
/** The one node, played by kwok. */
export const NODE = 'bench-node';

/** A Kubernetes without machines: the real API server, etcd, controllers and scheduler; kwok plays the node. */
export interface ControlPlane {
  readonly kubeconfigPath: string;
  readonly kubectl: Kubectl;
  /** What the API server has used. */
  apiServerUsage(): Promise<Usage>;
  /** CPU seconds of each of its programs since it started. */
  cpuSeconds(): Promise<Readonly<Record<string, number>>>;
  /** Ends all its processes and removes its data. */
  stop(): Promise<void>;
}

/**
 * Starts one with an empty etcd; what another run of this bench has left behind is stopped first. A signal stops it.
 * @throws SluiceError INTERRUPTED after a signal
 * @throws SluiceError with the end of the log of the component that did not start
 */
export async function startControlPlane(
  { config, progress }: Context,
  interruption: Interruption,
): Promise<ControlPlane> {
  const layout = benchLayout(clusterLayout({ ...config, stateDirectory: join(config.cacheDirectory, 'bench') }));
  const binaries = await ensureTool(config, progress, 'kubernetes');
  const kwok = join(await ensureTool(config, progress, 'kwok'), 'kwok');
  const stop = () => stopControlPlane(layout);
  await stop();
  interruption.onInterrupted(stop);
  await mkdir(layout.stateDirectory, { recursive: true });
  await createCertificates(layout);
  await writeKubeconfigs(layout);
  const daemon = (name: string, args: readonly string[], program = join(binaries, name)) => {
    interruption.check();
    return startDaemon(layout, name, program, args, config.environment);
  };
  await daemon('etcd', etcdArguments(layout));
  // The address is a loopback one, which the endpoints of the Service `kubernetes` must not have.
  await daemon('kube-apiserver', [...apiServerArguments(layout), '--endpoint-reconciler-type=none']);
  await waitForDaemon(layout, 'kube-apiserver', 90, () => apiServerReady(layout, binaries));
  await daemon('kube-controller-manager', controllerManagerArguments(layout));
  await daemon('kube-scheduler', schedulerArguments(layout));
  const stages = fileURLToPath(new URL('kwok.yaml', import.meta.url));
  const kwokArguments = [`--kubeconfig=${layout.kubeconfig}`, '--manage-all-nodes', `--config=${stages}`];
  await daemon('kwok', [...kwokArguments, '--node-lease-duration-seconds=40'], kwok);
  const kubectl = createKubectl({ kubectlPath: join(binaries, 'kubectl'), kubeconfigPath: layout.kubeconfig });
  await kubectl.run(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: nodeMetadata() }));
  await kubectl.run(['wait', '--for=condition=Ready', `node/${NODE}`, '--timeout=60s']);
  const usage = (name: string) => usageOf(findDaemon(layout, name)?.pid ?? 0);
  const cpuSeconds = async () =>
    Object.fromEntries(await Promise.all(DAEMONS.map(async (name) => [name, (await usage(name)).cpuSeconds] as const)));
  return {
    kubeconfigPath: layout.kubeconfig,
    kubectl,
    apiServerUsage: () => usage('kube-apiserver'),
    cpuSeconds,
    stop,
  };
}

/** Pods of sessions ask for Linux; nothing else tells this node from a real one. */
function nodeMetadata(): object {
  return { name: NODE, labels: { 'kubernetes.io/os': 'linux', 'kubernetes.io/hostname': NODE } };
}

function benchLayout(layout: ClusterLayout): ClusterLayout {
  const node = { ...layout.node, address: ADDRESS };
  return { ...layout, node, localAddress: ADDRESS, apiServer: `https://${ADDRESS}:${API_PORT}` };
}

async function stopControlPlane(layout: ClusterLayout): Promise<void> {
  for (const name of DAEMONS) await stopDaemon(layout, name, 10);
  await rm(layout.stateDirectory, { recursive: true, force: true });
}
