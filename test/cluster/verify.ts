import { SluiceError } from '@sluice/common/errors/error.ts';
import { type Cluster, type Context, defaultContext, loadImages } from './cluster.ts';
import { ensureBaseImages, NODE_IMAGE } from './images/base.ts';
import { ensureInDocker } from './kind/kind.ts';
import { run } from './process/command.ts';
import { waitUntil } from './process/wait.ts';
import { shutdownOrder, VERIFY_NAMESPACE, verifyManifests } from './verify-manifests.ts';

/** Answers of this many requests to a Service of two pods: that all come from one has a chance of 2^-19. */
const SERVICE_REQUESTS = 20;

/**
 * Proves that the cluster does what the product relies on: restricted pods, DNS, Services, exec, logs, memory limits,
 * the order of a shutdown, Pod Security admission. Takes about 15 s and leaves nothing.
 * @throws SluiceError `CLUSTER_UNFIT` naming what does not work
 */
export async function verifyCluster(cluster: Cluster, context: Context = defaultContext()): Promise<void> {
  const { config, progress } = context;
  const kubectl = (...args: string[]) =>
    run(cluster.kubectlPath, ['--kubeconfig', cluster.kubeconfigPath, '--namespace', VERIFY_NAMESPACE, ...args]);
  if (cluster.backend === 'node') await ensureBaseImages(config, progress);
  else await ensureInDocker(config, progress, NODE_IMAGE);
  await loadImages(cluster, [NODE_IMAGE], context);
  const remove = () => kubectl('delete', 'namespace', VERIFY_NAMESPACE, '--ignore-not-found', '--timeout', '90s');
  await remove();
  try {
    await progress.step('restricted pods become ready', 3, () => pods(cluster, kubectl));
    await progress.step('Service name and address lead to every pod', 2, () => service(kubectl));
    await progress.step('logs are readable', 1, async () => {
      expectThat('logs', (await kubectl('logs', 'deployment/web', '--container', 'web')).includes('request /'));
    });
    await progress.step('a container above its memory limit is killed', 3, () => memoryLimit(kubectl));
    await progress.step('Pod Security admission refuses a privileged pod', 1, () => podSecurity(kubectl));
    await progress.step('preStop, then the container, then its sidecar', 4, () => shutdown(kubectl));
  } finally {
    await progress.step('remove what was made', 10, remove);
  }
}

type Kubectl = (...args: string[]) => Promise<string>;

async function pods(cluster: Cluster, kubectl: Kubectl): Promise<void> {
  const args = ['--kubeconfig', cluster.kubeconfigPath, 'apply', '-f', '-'];
  await run(cluster.kubectlPath, args, { input: JSON.stringify(verifyManifests(NODE_IMAGE)) });
  await kubectl('rollout', 'status', 'deployment/web', '--timeout', '120s');
}

async function service(kubectl: Kubectl): Promise<void> {
  const program = `const get = () => new Promise((resolve, reject) => require('http')
    .get({ host: 'web.${VERIFY_NAMESPACE}.svc.cluster.local', agent: false, timeout: 5000 }, (answer) => {
      answer.setEncoding('utf8').on('data', resolve); }).on('error', reject));
  (async () => { for (let i = 0; i < ${SERVICE_REQUESTS}; i++) console.log(await get()); })();`;
  await waitUntil('answers of both pods', 20, async () => {
    const answers = await kubectl('exec', 'deployment/web', '--container', 'web', '--', 'node', '-e', program);
    return new Set(answers.trim().split('\n')).size === 2;
  });
}

async function memoryLimit(kubectl: Kubectl): Promise<void> {
  await waitUntil('the greedy pod to be killed for its memory', 30, async () => {
    // 137 is SIGKILL, which nobody but the kernel sends here. The reason `OOMKilled` is lost where the container's end
    // is known before the kernel's notice of why.
    const path = '{.status.containerStatuses[0].state.terminated.exitCode}';
    return (await kubectl('get', 'pod', 'greedy', '--output', `jsonpath=${path}`)) === '137';
  });
}

async function podSecurity(kubectl: Kubectl): Promise<void> {
  const refusal = await kubectl('run', 'privileged', `--image=${NODE_IMAGE}`, '--privileged').then(
    () => 'accepted',
    (error: Error) => error.message,
  );
  expectThat('Pod Security admission', refusal.includes('violates PodSecurity "restricted'));
}

async function shutdown(kubectl: Kubectl): Promise<void> {
  const pod = (await kubectl('get', 'pods', '--selector', 'app=web', '--output', 'name')).split('\n')[0] ?? '';
  const follow = kubectl('logs', '--follow', '--timestamps', '--all-containers', '--prefix=false', pod);
  await kubectl('delete', pod, '--timeout', '60s');
  const order = shutdownOrder(await follow);
  const expected = ['preStop', 'web stops', 'sidecar stops'];
  expectThat(`order of a shutdown (was: ${order.join(', ')})`, order.join() === expected.join());
}

function expectThat(what: string, holds: boolean): void {
  if (!holds) throw new SluiceError(`${what}: not as expected`, { code: 'CLUSTER_UNFIT', retryable: false });
}
