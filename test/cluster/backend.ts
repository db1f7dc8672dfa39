import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterConfig } from './config.ts';
import { succeeds } from './process/command.ts';

/** `kind`: a node in a container of Docker. `node`: this machine is the node. */
export type Backend = 'kind' | 'node';

/** Its presence in the state folder says that the running cluster is kind's. */
export function kindMarker(config: ClusterConfig): string {
  return join(config.stateDirectory, 'kind');
}

/** The backend of the cluster that runs, else kind where a Docker daemon answers, else this machine. */
export async function chooseBackend(config: ClusterConfig): Promise<Backend> {
  if (existsSync(kindMarker(config))) return 'kind';
  if (existsSync(join(config.stateDirectory, 'machine.json'))) return 'node';
  // The client alone is not enough: some machines have it without a daemon.
  return (await succeeds('docker', ['info'], { environment: config.environment, timeoutSeconds: 15 }))
    ? 'kind'
    : 'node';
}
