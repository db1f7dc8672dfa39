import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Platform, PlatformObject } from '../e2e/platform/platform.ts';
import { openSockets, procAddress } from '../e2e/platform/sockets.ts';
import { SYSTEM_NAMESPACE } from '../install/install.ts';

/** An edge pod with its processes. */
export interface EdgePod {
  readonly name: string;
  readonly address: string;
  readonly isReady: boolean;
  /** Process groups of the containers that run, by the containers' names. */
  readonly groups: ReadonlyMap<string, number>;
}

interface ContainerView {
  readonly name: string;
  readonly containerID?: string;
}

interface PodView extends PlatformObject {
  readonly metadata: PlatformObject['metadata'] & { readonly deletionTimestamp?: string };
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly initContainerStatuses?: readonly ContainerView[];
    readonly containerStatuses?: readonly ContainerView[];
  };
}

/** The edge pods that are not being deleted. */
export async function edgePods(platform: Platform): Promise<readonly EdgePod[]> {
  const pods = await platform.list<PodView>('Pod', SYSTEM_NAMESPACE, 'app.kubernetes.io/component=edge');
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(podOf);
}

function podOf({ metadata, status = {} }: PodView): EdgePod {
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const groups = containers.flatMap(({ name, containerID = '' }): [string, number][] => {
    const pid = Number(/^local:\/\/(\d+)$/.exec(containerID)?.[1] ?? 0);
    return pid === 0 ? [] : [[name, pid]];
  });
  const isReady = status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  return { name: metadata.name, address: status.podIP ?? '', isReady, groups: new Map(groups) };
}

/** Those of the edges whose sidecars have a connection to this IPv4 address: of a channel's source, its owner. */
export function connectedTo(pods: readonly EdgePod[], address: string): readonly EdgePod[] {
  const files = ['tcp', 'tcp6'].map((name) => readFileSync(`/proc/net/${name}`, 'utf8'));
  const wanted = procAddress(address);
  const inodes = new Set(
    openSockets(files.flatMap((text) => text.split('\n'))).flatMap(({ remote, inode }) =>
      remote === wanted ? [inode] : [],
    ),
  );
  return pods.filter((pod) => socketsOf(pod.groups.get('sidecar') ?? 0).some((inode) => inodes.has(inode)));
}

/** Inodes of the sockets that a process holds; none of one that has just ended. */
function socketsOf(pid: number): readonly string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).flatMap(
      (name) => /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${name}`))?.[1] ?? [],
    );
  } catch {
    return [];
  }
}
