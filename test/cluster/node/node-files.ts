import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { createNodeCertificates } from './certificates.ts';
import { createCgroup } from './cgroups.ts';
import { cniConfiguration, containerdConfiguration } from './containerd.ts';
import { kubeProxyConfiguration } from './kube-proxy.ts';
import { writeNodeKubeconfig } from './kubeconfig.ts';
import { kubeletConfiguration } from './kubelet.ts';
import { type ClusterLayout, LOCAL_ADDRESS, type NodeLayout } from './layout.ts';

/** Where distributions put the CNI plugins; the first that has the one we need is taken. */
const CNI_FOLDERS = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni'];

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** Folders, cgroup, certificates and configuration of a node, all but its pod network; the authorities must exist. */
export async function prepareNode(layout: ClusterLayout, node: NodeLayout): Promise<void> {
  const folders = [node.directory, node.kubeletRoot, node.cniConfigDirectory, node.containerdState, node.imageStore];
  for (const folder of folders) await mkdir(folder, { recursive: true });
  await createCgroup(node.cgroup);
  await createNodeCertificates(layout, node);
  await writeNodeKubeconfig(layout, node);
  await writeFile(node.kubeletConfig, json(kubeletConfiguration(layout, node)));
  await writeFile(node.proxyConfig, json(kubeProxyConfiguration(layout, node)));
  await writeFile(node.containerdConfig, containerdConfiguration(node, findCni(), LOCAL_ADDRESS));
}

/** Gives the node its pod network; it is not Ready before. @param podRange as the controller manager has dealt it out */
export async function writePodNetwork(node: NodeLayout, podRange: string): Promise<void> {
  await writeFile(join(node.cniConfigDirectory, '10-sluice.conflist'), json(cniConfiguration(node, podRange)));
}

function findCni(): string {
  const folder = CNI_FOLDERS.find((candidate) => existsSync(join(candidate, 'ptp')));
  if (folder !== undefined) return folder;
  throw new SluiceError(`no CNI plugins in ${CNI_FOLDERS.join(', ')}`, { code: 'CNI_MISSING', retryable: false });
}
