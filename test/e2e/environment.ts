import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { createKubectl, type Kubectl } from '../install/kubectl.ts';

/** Name of the variable that tells the suites where the description of the installation lies. */
export const ENVIRONMENT_VARIABLE = 'SLUICE_E2E_ENVIRONMENT';

const environmentSchema = z.object({
  kubeconfigPath: z.string(),
  kubectlPath: z.string(),
  helmPath: z.string(),
  kubeconformPath: z.string(),
  /** Base URL of the edge as viewers reach it from this machine. */
  edgeUrl: z.string(),
  /** Addresses of host names that only the cluster resolves. */
  addresses: z.record(z.string(), z.string()),
  /** Folder for what suites write: segments, screenshots. */
  artifactFolder: z.string(),
});

/** The installation that the suites work against. */
export type Environment = z.infer<typeof environmentSchema>;

/** Where run.ts writes the description by default. */
export const DEFAULT_ENVIRONMENT_FILE = join(tmpdir(), 'sluice-e2e', 'environment.json');

/** @throws Error with the remedy if the suite was started without its runner */
export function readEnvironment(): Environment & { readonly kubectl: Kubectl } {
  const path = process.env[ENVIRONMENT_VARIABLE];
  if (path === undefined)
    throw new Error('start the end-to-end suites by `npm run test:e2e`, which prepares the cluster');
  const environment = environmentSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  return { ...environment, kubectl: createKubectl(environment) };
}
