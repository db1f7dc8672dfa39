import type { Kubectl } from '../../install/kubectl.ts';
import { runInEdges } from '../../install/pods.ts';
import { DEMO_FILM } from '../../standalone/film.ts';
import type { Kind, Platform, PlatformObject } from './platform.ts';
import { openSockets, procAddress } from './sockets.ts';

/** What {@link createClusterPlatform} needs to know of an installation. */
export type ClusterSettings = Pick<Platform, 'edgeUrl' | 'addresses' | 'artifactFolder' | 'source' | 'nodeImage'> & {
  readonly kubectl: Kubectl;
};

/** Full names of the kinds: `event` alone would be the older API group. */
const RESOURCES: Readonly<Record<Kind, string>> = {
  Channel: 'channels.sluice.dev',
  StreamSession: 'streamsessions.sluice.dev',
  Deployment: 'deployments.apps',
  Pod: 'pods',
  Service: 'services',
  Namespace: 'namespaces',
  Event: 'events.events.k8s.io',
};

/** Sluice on a real Kubernetes, spoken to by kubectl. */
export function createClusterPlatform({ kubectl, ...settings }: ClusterSettings): Platform {
  const target = (kind: Kind, namespace: string) => [
    RESOURCES[kind],
    ...(namespace === '' ? [] : ['--namespace', namespace]),
  ];
  return {
    name: 'cluster',
    ...settings,
    filmHeight: DEMO_FILM.height,
    pace: { hysteresisSeconds: 6, watchSeconds: 12, preset: 'veryfast' },
    async apply(manifests) {
      await kubectl.run(['apply', '--server-side', '-f', '-'], manifests);
    },
    async createDryRun<T>(manifest: string) {
      return JSON.parse(await kubectl.run(['create', '--dry-run=server', '-o', 'json', '-f', '-'], manifest)) as T;
    },
    get: <T extends PlatformObject>(kind: Kind, namespace: string, name: string) =>
      kubectl.get<T>([...target(kind, namespace), name]),
    async list<T extends PlatformObject>(kind: Kind, namespace: string, labelSelector = '') {
      const found = await kubectl.get<{ items: T[] }>([...target(kind, namespace), '--selector', labelSelector]);
      return found?.items ?? [];
    },
    async patch(kind, namespace, name, change) {
      const patch = ['--type', 'merge', '--patch', JSON.stringify(change)];
      await kubectl.run(['patch', ...target(kind, namespace), name, ...patch]);
    },
    async delete(kind, namespace, name, { graceSeconds } = {}) {
      const grace = graceSeconds === undefined ? [] : [`--grace-period=${graceSeconds}`];
      const force = graceSeconds === 0 ? ['--force'] : [];
      await kubectl.run(['delete', ...target(kind, namespace), name, '--ignore-not-found', ...grace, ...force]);
    },
    logs: (namespace, pod, container) =>
      kubectl.run(['logs', pod, '--namespace', namespace, ...(container === undefined ? [] : ['-c', container])]),
    filesOfChannel: (namespace, channel) => {
      const folder = `/var/lib/sluice/media/live/${namespace}/${channel}`;
      return runInEdges(kubectl, `test -d ${folder} && find ${folder} -type f || true`);
    },
    async connectionsTo(addresses) {
      const wanted = new Set(addresses.map(procAddress));
      const sockets = openSockets(await runInEdges(kubectl, 'cat /proc/net/tcp /proc/net/tcp6'));
      return sockets.filter(({ remote }) => wanted.has(remote)).length;
    },
  };
}
