import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { createKubectl, type Kubectl } from '../install/kubectl.ts';
import { createClusterPlatform } from './platform/cluster.ts';
import type { Platform } from './platform/platform.ts';
import { createStandalonePlatform } from './platform/standalone.ts';

/** Name of the variable that tells the suites where the description of the installation lies. */
export const ENVIRONMENT_VARIABLE = 'SLUICE_E2E_ENVIRONMENT';

const commonFields = {
  /** Base URL of the edge as viewers reach it from this machine. */
  edgeUrl: z.string(),
  /** Addresses of host names that only the platform resolves. */
  addresses: z.record(z.string(), z.string()),
  /** Folder for what suites write: segments, screenshots. */
  artifactFolder: z.string(),
  /** The demo source: base URL as Channels name it, and its pod's namespace. */
  source: z.object({ url: z.string(), namespace: z.string() }),
  /** Reference of an image in which `node` runs a script. */
  nodeImage: z.string(),
};

const clusterSchema = z.object({
  platform: z.literal('cluster'),
  kubeconfigPath: z.string(),
  kubectlPath: z.string(),
  helmPath: z.string(),
  kubeconformPath: z.string(),
  ...commonFields,
});

const standaloneSchema = z.object({
  platform: z.literal('standalone'),
  /** Base URL of the operator's Kubernetes API. */
  apiUrl: z.string(),
  ...commonFields,
});

const environmentSchema = z.discriminatedUnion('platform', [clusterSchema, standaloneSchema]);

/** An installation on a real Kubernetes. */
export type ClusterEnvironment = z.infer<typeof clusterSchema>;

/** A standalone operator on this machine. */
export type StandaloneEnvironment = z.infer<typeof standaloneSchema>;

/** The installation that the suites work against. */
export type Environment = z.infer<typeof environmentSchema>;

/** Where run.ts writes the description by default. */
export const DEFAULT_ENVIRONMENT_FILE = join(tmpdir(), 'sluice-e2e', 'environment.json');

function readFile(): Environment {
  const path = process.env[ENVIRONMENT_VARIABLE];
  if (path === undefined)
    throw new Error(
      'start the suites by `npm run test:e2e` or `npm run test:standalone`, which prepare what they need',
    );
  return environmentSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
}

/** What the scenarios run on. @throws Error with the remedy if the suite was started without its runner */
export function readPlatform(): Platform {
  const environment = readFile();
  if (environment.platform === 'standalone') return createStandalonePlatform(environment);
  return createClusterPlatform({ ...environment, kubectl: createKubectl(environment) });
}

/**
 * For suites that make sense only on a real Kubernetes, named `*.cluster.e2e.ts`.
 * @throws Error on the standalone operator, or if the suite was started without its runner
 */
export function readEnvironment(): ClusterEnvironment & { readonly kubectl: Kubectl } {
  const environment = readFile();
  if (environment.platform !== 'cluster') throw new Error('this suite needs a real Kubernetes: npm run test:e2e');
  return { ...environment, kubectl: createKubectl(environment) };
}
