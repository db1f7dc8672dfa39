import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { readManifests } from '../../chart/manifests.ts';
import { SYSTEM_NAMESPACE } from '../../install/install.ts';
import { eventually } from '../../install/kubectl.ts';
import { SMALL_FILM } from '../../standalone/film.ts';
import { type Api, type ApiKind, createApi, pathOf } from './api.ts';
import type { Platform, PlatformObject } from './platform.ts';
import { openSockets, procAddress } from './sockets.ts';

/** What {@link createStandalonePlatform} needs to know of a running standalone operator. */
export type StandaloneSettings = Pick<Platform, 'edgeUrl' | 'addresses' | 'artifactFolder' | 'source' | 'nodeImage'> & {
  /** Base URL of its Kubernetes API (test/standalone/run.ts), without a slash at the end. */
  readonly apiUrl: string;
};

const CORE = '/api/v1';
const SLUICE = '/apis/sluice.dev/v1alpha1';

/** Every kind that manifests of the scenarios contain. */
const KINDS: Readonly<Record<string, ApiKind>> = {
  Namespace: { root: CORE, plural: 'namespaces', namespaced: false },
  Channel: { root: SLUICE, plural: 'channels', namespaced: true },
  StreamSession: { root: SLUICE, plural: 'streamsessions', namespaced: true },
  Deployment: { root: '/apis/apps/v1', plural: 'deployments', namespaced: true },
  Pod: { root: CORE, plural: 'pods', namespaced: true },
  Service: { root: CORE, plural: 'services', namespaced: true },
  Secret: { root: CORE, plural: 'secrets', namespaced: true },
  Event: { root: '/apis/events.k8s.io/v1', plural: 'events', namespaced: true },
};

/** What disappears with a namespace, owners before what they own. */
const CONTENTS = ['Channel', 'StreamSession', 'Deployment', 'Service', 'Pod', 'Secret', 'Event'];
/** The longest time of grace of a pod, and some for its end. */
const GONE_SECONDS = 90;
const FIELD_MANAGER = 'scenarios';

interface EdgePod extends PlatformObject {
  readonly metadata: PlatformObject['metadata'] & { readonly annotations?: Readonly<Record<string, string>> };
  readonly status?: {
    readonly initContainerStatuses?: readonly { readonly name: string; readonly containerID?: string }[];
  };
}

/** Sluice as one process with its pods as local processes, spoken to by the HTTP API of its store. */
export function createStandalonePlatform({ apiUrl, ...settings }: StandaloneSettings): Platform {
  const api = createApi(apiUrl);
  const edges = () => list<EdgePod>(api, 'Pod', SYSTEM_NAMESPACE, 'app.kubernetes.io/component=edge');
  return {
    name: 'standalone',
    ...settings,
    filmHeight: SMALL_FILM.height,
    // Several encoders share this machine with browsers.
    pace: { hysteresisSeconds: 2, watchSeconds: 6, preset: 'ultrafast' },
    async apply(manifests) {
      for (const manifest of readManifests(manifests)) await applyOne(api, manifest);
    },
    async createDryRun<T>(manifest: string) {
      const [object] = readManifests(manifest);
      if (object === undefined) throw new Error('no object in the manifest');
      const path = `${pathOf(kindOf(object.kind), object.metadata.namespace ?? '')}?dryRun=All`;
      return (await api.call<T>('POST', path, { type: 'application/json', object })) as T;
    },
    get: <T extends PlatformObject>(kind: string, namespace: string, name: string) =>
      api.call<T>('GET', pathOf(kindOf(kind), namespace, name)),
    list: <T extends PlatformObject>(kind: string, namespace: string, labelSelector = '') =>
      list<T>(api, kind, namespace, labelSelector),
    async patch(kind, namespace, name, change) {
      const path = pathOf(kindOf(kind), namespace, name);
      const found = await api.call('PATCH', path, { type: 'application/merge-patch+json', object: change });
      if (found === null) throw new Error(`there is no ${kind} ${namespace}/${name}`);
    },
    async delete(kind, namespace, name, { graceSeconds } = {}) {
      if (kind === 'Namespace') await empty(api, name);
      await remove(api, kind, namespace, name, graceSeconds);
    },
    logs: (namespace, pod, container) => {
      const query = container === undefined ? '' : `?container=${container}`;
      return api.text(`${pathOf(kindOf('Pod'), namespace, pod)}/log${query}`);
    },
    async filesOfChannel(namespace, channel) {
      const folders = (await edges()).map((pod) => folderOf(pod, 'media'));
      const files = folders.map((folder) => filesBelow(join(folder, 'live', namespace, channel)));
      return (await Promise.all(files)).flat();
    },
    async connectionsTo(addresses) {
      const inodes = new Set(
        (await Promise.all((await edges()).map((pod) => socketsOf(pidOf(pod, 'sidecar'))))).flat(),
      );
      const wanted = new Set(addresses.map(procAddress));
      const files = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8')));
      const sockets = openSockets(files.flatMap((text) => text.split('\n')));
      return sockets.filter(({ remote, inode }) => wanted.has(remote) && inodes.has(inode)).length;
    },
  };
}

function kindOf(name: string): ApiKind {
  const kind = KINDS[name];
  if (kind === undefined) throw new Error(`the scenarios have no path for the kind ${name}`);
  return kind;
}

async function list<T extends PlatformObject>(
  api: Api,
  kind: string,
  namespace: string,
  labelSelector = '',
): Promise<readonly T[]> {
  const query = labelSelector === '' ? '' : `?labelSelector=${encodeURIComponent(labelSelector)}`;
  return (await api.call<{ items: T[] }>('GET', `${pathOf(kindOf(kind), namespace)}${query}`))?.items ?? [];
}

async function applyOne(api: Api, object: { kind: string; metadata: { namespace?: string; name: string } }) {
  const { namespace = '', name } = object.metadata;
  const path = `${pathOf(kindOf(object.kind), namespace, name)}?fieldManager=${FIELD_MANAGER}&force=true`;
  await api.call('PATCH', path, { type: 'application/apply-patch+yaml', object });
}

/** Deletes an object and waits until it is gone. */
async function remove(api: Api, kind: string, namespace: string, name: string, graceSeconds?: number): Promise<void> {
  const path = pathOf(kindOf(kind), namespace, name);
  const options = graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds };
  const before = await api.call<PlatformObject>('GET', path);
  if (before === null) return;
  await api.call('DELETE', path, { type: 'application/json', object: options });
  await eventually(
    `${kind} ${namespace}/${name} is gone`,
    async () => ((await api.call<PlatformObject>('GET', path))?.metadata.uid === before.metadata.uid ? null : true),
    { timeoutSeconds: GONE_SECONDS },
    async () => JSON.stringify(await api.call('GET', path), null, 2),
  );
}

/** Deletes what a namespace contains: a real API server does that by itself. */
async function empty(api: Api, namespace: string): Promise<void> {
  for (const kind of CONTENTS) {
    const found = await list(api, kind, namespace);
    await Promise.all(found.map(({ metadata }) => remove(api, kind, namespace, metadata.name)));
  }
}

/** Where an emptyDir of a pod lies on this machine. */
function folderOf({ metadata }: EdgePod, volume: string): string {
  const folder = metadata.annotations?.['sluice.dev/local-folder'];
  if (folder === undefined) throw new Error(`pod ${metadata.name} has no annotation sluice.dev/local-folder`);
  return join(folder, volume);
}

/** The process of a native sidecar. */
function pidOf({ metadata, status }: EdgePod, container: string): number {
  const id = status?.initContainerStatuses?.find(({ name }) => name === container)?.containerID ?? '';
  const pid = Number(/^local:\/\/(\d+)$/.exec(id)?.[1] ?? Number.NaN);
  if (Number.isNaN(pid)) throw new Error(`container ${container} of pod ${metadata.name} does not run: ${id}`);
  return pid;
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    // Not by instanceof: jest runs this in a realm of its own.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Inodes of the sockets that a process holds. */
async function socketsOf(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const links = (await readdir(folder)).map((descriptor) => readlink(join(folder, descriptor)).catch(() => ''));
  return (await Promise.all(links)).flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
}
