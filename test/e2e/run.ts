import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { defaultContext, ensureCluster, reachPods } from '../cluster/cluster.ts';
import { applyDemo, DEMO_NAMESPACE, installSluice, SYSTEM_NAMESPACE, serviceAddress } from '../install/install.ts';
import { BROWSER_PROGRAMS, ensurePrograms, MEDIA_PROGRAMS } from '../setup/debian-packages.ts';
import { type ClusterEnvironment, DEFAULT_ENVIRONMENT_FILE } from './environment.ts';
import { runSuites } from './jest.ts';

const HELP = `End-to-end suites on a real Kubernetes: brings the cluster up if needed, installs this checkout by Helm, runs.

usage: npm run test:e2e [-- PATTERN...]

  PATTERN   run only suites whose path matches, e.g. audience, bad-input, browser
`;

async function prepare(): Promise<ClusterEnvironment> {
  const context = defaultContext();
  await ensurePrograms([...MEDIA_PROGRAMS, ...BROWSER_PROGRAMS], context.progress);
  const cluster = await ensureCluster(context);
  await reachPods(cluster, context);
  const installation = await installSluice(cluster, {}, context);
  await applyDemo(installation, context);
  const { kubectl } = installation;
  const artifactFolder = join(dirname(DEFAULT_ENVIRONMENT_FILE), 'artifacts');
  await rm(artifactFolder, { recursive: true, force: true });
  await mkdir(artifactFolder, { recursive: true });
  return {
    platform: 'cluster',
    kubeconfigPath: cluster.kubeconfigPath,
    kubectlPath: cluster.kubectlPath,
    helmPath: cluster.helmPath,
    kubeconformPath: cluster.kubeconformPath,
    edgeUrl: `http://${await serviceAddress(kubectl, SYSTEM_NAMESPACE, 'sluice-edge')}`,
    addresses: { 'demo-source.demo.svc': await serviceAddress(kubectl, DEMO_NAMESPACE, 'demo-source') },
    artifactFolder,
    source: { url: `http://demo-source.${DEMO_NAMESPACE}.svc`, namespace: DEMO_NAMESPACE },
    nodeImage: installation.images.edge ?? '',
  };
}

const patterns = process.argv.slice(2);
if (patterns.includes('--help')) process.stdout.write(HELP);
else process.exitCode = await runSuites(await prepare(), DEFAULT_ENVIRONMENT_FILE, 'jest.config.mjs', patterns);
