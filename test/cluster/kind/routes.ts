import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterConfig } from '../config.ts';
import type { KindCommands } from './commands.ts';

/** kind's default address ranges of pods and Services (sigs.k8s.io/kind, defaults of `networking`). */
const RANGES = ['10.244.0.0/16', '10.96.0.0/16'] as const;

/** Its presence in the state folder says that this machine has routes into the cluster. */
export function routesMarker(config: ClusterConfig): string {
  return join(config.stateDirectory, 'kind-routes');
}

/**
 * Lets this machine reach pods and Services by their addresses, as the end-to-end suites do: routes by way of the node.
 * They are set from a container in the machine's network, because who may use Docker need not be root. Only where
 * Docker's network is the machine's own, so not with Docker Desktop or rootless Docker.
 * @param node name of the node's container
 * @param address IPv4 address of the node
 */
export async function openRoutes(
  config: ClusterConfig,
  docker: KindCommands['docker'],
  node: string,
  address: string,
): Promise<void> {
  await writeFile(routesMarker(config), '');
  for (const range of RANGES) await inMachineNetwork(docker, node, ['route', 'replace', range, 'via', address]);
}

/** Undoes {@link openRoutes}; the node's container must still be there. */
export async function closeRoutes(docker: KindCommands['docker'], node: string): Promise<void> {
  for (const range of RANGES) {
    // A route whose interface has gone went with it.
    await inMachineNetwork(docker, node, ['route', 'delete', range]).catch(() => {});
  }
}

/** Runs `ip` of the node's image, which is there already. */
async function inMachineNetwork(docker: KindCommands['docker'], node: string, args: string[]): Promise<void> {
  const image = (await docker('inspect', '--format', '{{.Image}}', node)).trim();
  await docker('run', '--rm', '--network', 'host', '--cap-add', 'NET_ADMIN', '--entrypoint', 'ip', image, ...args);
}
