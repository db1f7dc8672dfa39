import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterLayout, NodeLayout } from './layout.ts';

/** Name of cluster, user and context in every kubeconfig written here. */
const CONTEXT = 'sluice';

/** A kubeconfig as JSON, which is YAML too. Certificates and keys are PEM texts. */
export function kubeconfigText(server: string, authority: string, certificate: string, key: string): string {
  const base64 = (pem: string) => Buffer.from(pem).toString('base64');
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: CONTEXT, cluster: { server, 'certificate-authority-data': base64(authority) } }],
      users: [
        { name: CONTEXT, user: { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) } },
      ],
      contexts: [{ name: CONTEXT, context: { cluster: CONTEXT, user: CONTEXT } }],
      'current-context': CONTEXT,
    },
    null,
    2,
  )}\n`;
}

/** Where the kubeconfig of a component lies; `user` is the name of its client certificate. */
export function componentKubeconfig(layout: ClusterLayout, user: string): string {
  return join(layout.certificates, `${user}.kubeconfig`);
}

/** Writes one kubeconfig per component of the control plane, and the administrator's where people look for it. */
export async function writeKubeconfigs(layout: ClusterLayout): Promise<void> {
  await write(layout, 'admin', layout.kubeconfig);
  for (const user of ['controller-manager', 'scheduler', 'proxy']) {
    await write(layout, user, componentKubeconfig(layout, user));
  }
}

/** Writes the kubeconfig of a node's kubelet. */
export function writeNodeKubeconfig(layout: ClusterLayout, node: NodeLayout): Promise<void> {
  const user = `${node.name}-client`;
  return write(layout, user, componentKubeconfig(layout, user));
}

async function write(layout: ClusterLayout, user: string, path: string): Promise<void> {
  const read = (name: string) => readFile(join(layout.certificates, name), 'utf8');
  const [authority, certificate, key] = [
    await read('cluster-ca.crt'),
    await read(`${user}.crt`),
    await read(`${user}.key`),
  ];
  await writeFile(path, kubeconfigText(layout.apiServer, authority, certificate, key), { mode: 0o600 });
}
