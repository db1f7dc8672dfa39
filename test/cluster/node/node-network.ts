import { run, succeeds } from '../process/command.ts';
import type { ClusterLayout, NodeLayout } from './layout.ts';

/** Name of the machine's end of the connection to a further node; the other end is `eth0` there. */
function linkName(node: NodeLayout): string {
  return `sluice-${node.name}`;
}

/**
 * Connects a node in a network namespace of its own to the node bridge. Every address is a /32 with a route of its own,
 * as on the first node.
 * @param namespaces folder of the node's namespaces, e.g. `/proc/42/ns`
 */
export async function connectNode(layout: ClusterLayout, node: NodeLayout, namespaces: string): Promise<void> {
  const first = layout.node.address;
  const there = (...command: string[]) => run('nsenter', [`--net=${namespaces}/net`, ...command]);
  const pid = namespaces.split('/')[2] ?? '';
  await run('ip', ['link', 'add', linkName(node), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid]);
  await run('ip', ['link', 'set', linkName(node), 'master', layout.bridge, 'up']);
  await run('ip', ['route', 'replace', `${node.address}/32`, 'dev', layout.bridge, 'src', first]);
  await there('ip', 'address', 'add', `${node.address}/32`, 'dev', 'eth0');
  await there('ip', 'link', 'set', 'eth0', 'up');
  await there('ip', 'route', 'add', `${first}/32`, 'dev', 'eth0', 'src', node.address);
  await there('ip', 'route', 'add', 'default', 'via', first, 'dev', 'eth0', 'src', node.address);
  await there('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
}

/** Leads the addresses of the node's pods to it. @param podRange e.g. `10.244.1.0/24` */
export async function routePods(layout: ClusterLayout, node: NodeLayout, podRange: string): Promise<void> {
  const via = ['via', node.address, 'dev', layout.bridge, 'onlink', 'src', layout.node.address];
  await run('ip', ['route', 'replace', podRange, ...via]);
}

/** Undoes both; its own end went with the node's namespace. Nothing happens if it was not connected. */
export async function disconnectNode(layout: ClusterLayout, node: NodeLayout): Promise<void> {
  if (!(await succeeds('ip', ['link', 'show', layout.bridge]))) return;
  await run('ip', ['route', 'flush', 'via', node.address, 'dev', layout.bridge]);
  await run('ip', ['route', 'flush', 'exact', `${node.address}/32`, 'dev', layout.bridge]);
  if (await succeeds('ip', ['link', 'show', linkName(node)])) await run('ip', ['link', 'delete', linkName(node)]);
}
