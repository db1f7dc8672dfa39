import { spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultContext, ensureCluster } from '../cluster/cluster.ts';
import { applyDemo, DEMO_NAMESPACE, installSluice, SYSTEM_NAMESPACE, serviceAddress } from '../install/install.ts';
import { BROWSER_PROGRAMS, ensurePrograms, MEDIA_PROGRAMS } from '../setup/debian-packages.ts';
import { type ClusterEnvironment, DEFAULT_ENVIRONMENT_FILE, ENVIRONMENT_VARIABLE } from './environment.ts';

const HELP = `End-to-end suites on a real Kubernetes: brings the cluster up if needed, installs this checkout by Helm, runs.

usage: npm run test:e2e [-- PATTERN...]

  PATTERN   run only suites whose path matches, e.g. audience, bad-input, browser
`;

async function prepare(): Promise<string> {
  const context = defaultContext();
  await ensurePrograms([...MEDIA_PROGRAMS, ...BROWSER_PROGRAMS], context.progress);
  const cluster = await ensureCluster(context);
  const installation = await installSluice(cluster, {}, context);
  await applyDemo(installation, context);
  const { kubectl } = installation;
  const artifactFolder = join(dirname(DEFAULT_ENVIRONMENT_FILE), 'artifacts');
  await rm(artifactFolder, { recursive: true, force: true });
  await mkdir(artifactFolder, { recursive: true });
  const environment: ClusterEnvironment = {
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
  await writeFile(DEFAULT_ENVIRONMENT_FILE, JSON.stringify(environment, null, 2));
  return DEFAULT_ENVIRONMENT_FILE;
}

/** Runs jest as a child with our standard streams. @returns its exit code */
function runJest(environmentFile: string, patterns: readonly string[]): Promise<number> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const jest = join(root, 'node_modules/jest/bin/jest.js');
  const args = ['--experimental-vm-modules', '--no-warnings', jest, '-c', 'test/e2e/jest.config.mjs', ...patterns];
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, [ENVIRONMENT_VARIABLE]: environmentFile },
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

const patterns = process.argv.slice(2);
if (patterns.includes('--help')) process.stdout.write(HELP);
else process.exitCode = await runJest(await prepare(), patterns);
