import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterLayout } from './layout.ts';

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

/** Writes one kubeconfig per component, and the administrator's where people look for it. */
export async function writeKubeconfigs(layout: ClusterLayout): Promise<void> {
  const read = (name: string) => readFile(join(layout.certificates, name), 'utf8');
  const authority = await read('cluster-ca.crt');
  for (const user of ['admin', 'controller-manager', 'scheduler', 'proxy', `${layout.node.name}-client`]) {
    const path = user === 'admin' ? layout.kubeconfig : componentKubeconfig(layout, user);
    const text = kubeconfigText(layout.apiServer, authority, await read(`${user}.crt`), await read(`${user}.key`));
    await writeFile(path, text, { mode: 0o600 });
  }
}
