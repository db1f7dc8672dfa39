import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildImages, type Cluster, type Context, defaultContext, loadImages } from '../cluster/cluster.ts';
import { run } from '../cluster/process/command.ts';
import { createKubectl, type Kubectl } from './kubectl.ts';

/** Namespace of the chart's own pods. */
export const SYSTEM_NAMESPACE = 'sluice';
/** Namespace of the examples. */
export const DEMO_NAMESPACE = 'demo';
/** Files of `examples/` that make the demo, in the order in which they must be applied. */
export const DEMO_FILES = ['namespace.yaml', 'demo-source.yaml', 'channel.yaml'] as const;
/** Sources inside the cluster are private addresses, which tenants' URLs reach only if the administrator allows them. */
const IN_CLUSTER_CIDRS = '10.0.0.0/8';

/** Sluice, installed and ready. */
export interface Installation {
  readonly cluster: Cluster;
  readonly kubectl: Kubectl;
  /** Full references of the images by name. */
  readonly images: Readonly<Record<string, string>>;
}

/**
 * Builds and loads the images, installs or upgrades the chart and waits until operator and edges are ready.
 * @param values further `--set` values of the chart
 */
export async function installSluice(
  cluster: Cluster,
  values: Readonly<Record<string, string>> = {},
  context: Context = defaultContext(),
): Promise<Installation> {
  const { config, progress } = context;
  const images = await buildImages(undefined, context);
  await loadImages(cluster, Object.values(images), context);
  const settings = [
    // One hash in a few hundred has digits alone, which `--set` takes for a number.
    ...options('--set-string', imageValues(images)),
    ...options('--set', { 'sources.allowedCIDRs[0]': IN_CLUSTER_CIDRS, ...values }),
  ];
  const chart = join(config.repositoryRoot, 'charts/sluice');
  const environment = { ...config.environment, KUBECONFIG: cluster.kubeconfigPath };
  await progress.step('install the chart', 20, () =>
    run(
      cluster.helmPath,
      [
        'upgrade',
        '--install',
        'sluice',
        chart,
        '--namespace',
        SYSTEM_NAMESPACE,
        '--create-namespace',
        '--wait',
        '--timeout',
        '180s',
        ...settings,
      ],
      { environment },
    ),
  );
  return { cluster, kubectl: createKubectl(cluster), images };
}

function options(name: '--set' | '--set-string', values: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(values).flatMap(([key, value]) => [name, `${key}=${value}`]);
}

function imageValues(images: Readonly<Record<string, string>>): Record<string, string> {
  const values: Record<string, string> = {};
  for (const name of ['operator', 'edge', 'transcoder']) {
    const [repository = '', tag = ''] = (images[name] ?? '').split(':');
    values[`${name}.image.repository`] = repository;
    values[`${name}.image.tag`] = tag;
  }
  return values;
}

/** The image that `examples/demo-source.yaml` names; the one built from this checkout takes its place. */
const EXAMPLE_SOURCE_IMAGE = 'docker.io/sluice/demo-source:dev';

/** Applies files of `examples/`, with the demo source's image of this checkout, and waits for the source. */
export async function applyDemo(installation: Installation, context: Context = defaultContext()): Promise<void> {
  const { kubectl } = installation;
  for (const file of DEMO_FILES) {
    const text = await readFile(join(context.config.repositoryRoot, 'examples', file), 'utf8');
    const manifest = text.replaceAll(EXAMPLE_SOURCE_IMAGE, installation.images['demo-source'] ?? EXAMPLE_SOURCE_IMAGE);
    await kubectl.run(['apply', '--server-side', '-f', '-'], manifest);
  }
  await context.progress.step('start the demo source', 10, () =>
    kubectl.run(['rollout', 'status', 'deployment/demo-source', '-n', DEMO_NAMESPACE, '--timeout=120s']),
  );
}

/** The address of a Service inside the cluster; with the `node` backend this machine reaches it. */
export async function serviceAddress(kubectl: Kubectl, namespace: string, name: string): Promise<string> {
  return kubectl.run(['get', 'service', name, '-n', namespace, '-o', 'jsonpath={.spec.clusterIP}']);
}
