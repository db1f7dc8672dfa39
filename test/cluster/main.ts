import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import {
  buildImages,
  type Cluster,
  clusterStarted,
  clusterStatus,
  ensureCluster,
  ensureSecondNode,
  loadImages,
  removeSecondNode,
  restartApiServer,
  stopCluster,
} from './cluster.ts';
import { IMAGE_NAMES, type ImageName } from './images/table.ts';
import { verifyCluster } from './verify.ts';

const HELP = `A real Kubernetes for tests: kind where Docker runs, else this machine as its only node.

usage: node test/cluster/main.ts COMMAND

  up               start it (a running one answers at once) and print where it is
  down             stop it; nothing is left but the caches
  status           what runs
  add-node         add a second node on this machine, with two devices nvidia.com/gpu that no hardware stands behind
  remove-node      remove it again
  restart-api      restart the API server; nothing answers for five seconds
  verify           start it if need be and prove that it does what Sluice relies on
  images [NAME...] build the images that have changed and load them into the cluster if it runs
                   (${IMAGE_NAMES.join(', ')}; all if none is named)

environment:
  SLUICE_CACHE            binaries, base images, layers; default ~/.cache/sluice
  SLUICE_STATE            the running cluster; default <cache>/cluster
  SLUICE_KIND_NODE_IMAGE  with Docker: the node's image, also one that only this Docker has; default kind's own
`;

/** Where a cluster is and how to talk to it, as lines that a shell can evaluate. */
function clusterLines(cluster: Cluster): readonly string[] {
  return [
    `KUBECONFIG=${cluster.kubeconfigPath}`,
    `KUBECTL=${cluster.kubectlPath}`,
    `HELM=${cluster.helmPath}`,
    `KUBECONFORM=${cluster.kubeconformPath}`,
    `NODE_ADDRESS=${cluster.nodeAddress}`,
  ];
}

function imageNames(words: readonly string[]): readonly ImageName[] {
  const isName = (word: string): word is ImageName => (IMAGE_NAMES as readonly string[]).includes(word);
  const names = words.filter(isName);
  if (names.length < words.length) throw usage(`no such image: ${words.find((word) => !isName(word))}`);
  return names.length === 0 ? IMAGE_NAMES : names;
}

function usage(message: string): SluiceError {
  return new SluiceError(`${message}\n\n${HELP}`, { code: 'USAGE', retryable: false });
}

async function main(words: readonly string[]): Promise<readonly string[]> {
  const [command, ...rest] = words;
  if (command === undefined || command === 'help' || words.includes('--help')) return [HELP];
  if (command !== 'images' && rest.length > 0) throw usage(`${command} takes no arguments`);
  switch (command) {
    case 'up':
      return clusterLines(await ensureCluster());
    case 'down':
      await stopCluster();
      return [];
    case 'add-node':
      return [await ensureSecondNode(await ensureCluster(), { resourceName: 'nvidia.com/gpu', count: 2 })];
    case 'remove-node':
      await removeSecondNode();
      return [];
    case 'restart-api':
      await restartApiServer(5);
      return [];
    case 'status':
      return clusterStatus();
    case 'verify':
      await verifyCluster(await ensureCluster());
      return [];
    case 'images': {
      const references = Object.values(await buildImages(imageNames(rest)));
      if (await clusterStarted()) await loadImages(await ensureCluster(), references);
      return references;
    }
    default:
      throw usage(`no such command: ${command}`);
  }
}

try {
  for (const line of await main(process.argv.slice(2))) console.log(line);
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = error instanceof SluiceError && error.code === 'USAGE' ? 2 : 1;
}
