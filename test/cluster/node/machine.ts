import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { BlockList } from 'node:net';
import { networkInterfaces } from 'node:os';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { run, succeeds } from '../process/command.ts';
import { KUBE_PROXY_TABLES } from './kube-proxy.ts';
import { type ClusterLayout, RANGES } from './layout.ts';

/** What the machine was like before, for `down` to put back. */
export interface MachineRecord {
  /** Kernel settings by their path below /proc/sys, with the value they had. */
  readonly settings: Readonly<Record<string, string>>;
  /** Folders that Kubernetes makes at fixed places and that were not there before. */
  readonly folders: readonly string[];
}

/** Settings that we, the kubelet (cm/container_manager_linux.go) or the CNI plugin change. */
const SETTINGS = [
  'net/ipv4/ip_forward',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
];

/** Fixed in the kubelet (device plugins, container log links), containerd's shims and CNI, whatever their settings say. */
const FIXED_FOLDERS = ['/var/lib/kubelet', '/var/log/containers', '/run/containerd', '/var/lib/cni', '/etc/cni'];

/** The cluster's range that contains one of the addresses, or null. @param addresses IPv4, without prefix length */
export function overlappingRange(addresses: readonly string[]): { address: string; range: string } | null {
  for (const range of Object.values(RANGES)) {
    const [network = '', prefix = ''] = range.split('/');
    const list = new BlockList();
    list.addSubnet(network, Number(prefix), 'ipv4');
    const address = addresses.find((candidate) => list.check(candidate, 'ipv4'));
    if (address !== undefined) return { address, range };
  }
  return null;
}

/**
 * The node's address on a bridge without ports, forwarding, and masquerading for pods that leave the machine.
 * Writes the record first, so that a failure in between can be undone.
 * @throws SluiceError `ADDRESS_IN_USE` or `OTHER_CLUSTER` if the machine is part of a network that the cluster would
 *   use, or of another cluster
 */
export async function prepareMachine(layout: ClusterLayout): Promise<void> {
  await refuseOtherCluster();
  const settings: Record<string, string> = {};
  for (const name of SETTINGS) {
    const path = `/proc/sys/${name}`;
    if (existsSync(path)) settings[name] = (await readFile(path, 'utf8')).trim();
  }
  const record: MachineRecord = { settings, folders: FIXED_FOLDERS.filter((folder) => !existsSync(folder)) };
  await writeFile(layout.machineRecord, JSON.stringify(record));
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
  // The kernel of small virtual machines has no `dummy` device; a bridge without ports serves as well.
  await run('ip', ['link', 'add', layout.bridge, 'type', 'bridge']);
  await run('ip', ['address', 'add', `${layout.node.address}/32`, 'dev', layout.bridge]);
  await run('ip', ['link', 'set', layout.bridge, 'up']);
  await run('nft', ['-f', '-'], { input: masqueradeRules(layout.nftTable) });
}

/** nftables script: pods that talk to the world outside the cluster do so with the machine's address. */
export function masqueradeRules(table: string): string {
  const inside = Object.values(RANGES).join(', ');
  return `table ip ${table} {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip saddr ${RANGES.pods} ip daddr != { ${inside} } masquerade
  }
}
`;
}

/**
 * Undoes {@link prepareMachine} and removes what Kubernetes leaves behind. Without the record nothing was changed, and
 * what looks like ours belongs to somebody else.
 */
export async function restoreMachine(layout: ClusterLayout): Promise<void> {
  if (!existsSync(layout.machineRecord)) return;
  const record = JSON.parse(await readFile(layout.machineRecord, 'utf8')) as MachineRecord;
  if (await succeeds('ip', ['link', 'show', layout.bridge])) await run('ip', ['link', 'delete', layout.bridge]);
  for (const table of [`ip ${layout.nftTable}`, ...KUBE_PROXY_TABLES]) {
    const words = table.split(' ');
    if (await succeeds('nft', ['list', 'table', ...words])) await run('nft', ['delete', 'table', ...words]);
  }
  for (const [name, value] of Object.entries(record.settings)) {
    if ((await readFile(`/proc/sys/${name}`, 'utf8')).trim() !== value) await writeFile(`/proc/sys/${name}`, value);
  }
  for (const folder of record.folders) {
    // A containerd of the machine's own that was started since then keeps its sockets.
    if (!existsSync(`${folder}/containerd.sock`)) await rm(folder, { recursive: true, force: true });
  }
}

async function refuseOtherCluster(): Promise<void> {
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const addresses = own.filter((entry) => entry.family === 'IPv4').map((entry) => entry.address);
  const overlap = overlappingRange(addresses);
  if (overlap !== null) {
    throw new SluiceError(
      `this machine has the address ${overlap.address}, inside the cluster's range ${overlap.range}: another cluster runs here, or its network must be left first`,
      { code: 'ADDRESS_IN_USE', retryable: false },
    );
  }
  for (const table of KUBE_PROXY_TABLES) {
    if (!(await succeeds('nft', ['list', 'table', ...table.split(' ')]))) continue;
    const message = `nftables has a table "${table}": a kube-proxy runs on this machine, or has left it (nft delete table ${table})`;
    throw new SluiceError(message, { code: 'OTHER_CLUSTER', retryable: false });
  }
}
