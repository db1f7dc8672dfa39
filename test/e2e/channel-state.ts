import { eventually, type Kubectl } from '../install/kubectl.ts';
import { runInEdges } from '../install/pods.ts';

/** The parts of a Channel's status that the suites look at. */
export interface ChannelStatusView {
  readonly mode?: string;
  readonly desiredMode?: string;
  readonly viewers?: { readonly count?: number; readonly peak?: number; readonly state?: string };
  readonly source?: { readonly facts?: object; readonly health?: { readonly state: string; readonly reason: string } };
  readonly url?: string;
  readonly epoch?: number;
  readonly lastMsn?: number;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message: string;
    readonly observedGeneration?: number;
  }[];
  readonly decisions?: readonly { readonly to: string; readonly reason: string }[];
}

/** Status of a Channel; null while there is no Channel or no status. */
export async function channelStatus(
  kubectl: Kubectl,
  namespace: string,
  name: string,
): Promise<ChannelStatusView | null> {
  const channel = await kubectl.get<{ status?: ChannelStatusView }>(['channel', name, '-n', namespace]);
  return channel?.status ?? null;
}

/** Waits until the Channel is delivered in a mode. @throws SluiceError `WAIT_TIMEOUT` with the status at the end */
export function waitForMode(
  kubectl: Kubectl,
  namespace: string,
  name: string,
  mode: string,
  timeoutSeconds: number,
): Promise<ChannelStatusView> {
  return eventually(
    `channel ${namespace}/${name} is in mode ${mode}`,
    async () => {
      const status = await channelStatus(kubectl, namespace, name);
      return status?.mode === mode ? status : null;
    },
    { timeoutSeconds },
    async () => JSON.stringify(await channelStatus(kubectl, namespace, name), null, 2),
  );
}

/** Names of the transcode pods in a namespace, ended ones too. */
export async function sessionPods(kubectl: Kubectl, namespace: string): Promise<string[]> {
  const selector = 'app.kubernetes.io/managed-by=sluice';
  const list = await kubectl.get<{ items: { metadata: { name: string } }[] }>([
    'pods',
    '-n',
    namespace,
    '-l',
    selector,
  ]);
  return (list?.items ?? []).map((pod) => pod.metadata.name);
}

/** Paths of the media files that the edges hold for a channel. */
export function filesOfChannel(kubectl: Kubectl, namespace: string, channel: string): Promise<readonly string[]> {
  const folder = `/var/lib/sluice/media/live/${namespace}/${channel}`;
  return runInEdges(kubectl, `test -d ${folder} && find ${folder} -type f || true`);
}

/** How many TCP connections of the edges' sidecars lead to one of these IPv4 addresses, whatever their state but closed. */
export async function connectionsTo(kubectl: Kubectl, addresses: readonly string[]): Promise<number> {
  const wanted = new Set(addresses.map(procAddress));
  const lines = await runInEdges(kubectl, 'cat /proc/net/tcp /proc/net/tcp6');
  return lines.filter((line) => {
    const [, , remote = '', state = ''] = line.trim().split(/\s+/);
    // 06 is TIME_WAIT: the kernel's memory of a connection that is closed.
    return state !== '06' && wanted.has((remote.split(':')[0] ?? '').slice(-8));
  }).length;
}

/** An IPv4 address as /proc/net/tcp writes it: hexadecimal, the last octet first. */
function procAddress(address: string): string {
  const octets = address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0').toUpperCase());
  return octets.reverse().join('');
}
