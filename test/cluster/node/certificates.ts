import { generateKeyPairSync } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../process/command.ts';
import { API_SERVICE_ADDRESS, type ClusterLayout, type NodeLayout } from './layout.ts';

/** One certificate: `<name>.crt` and `<name>.key` in the certificates folder. */
export interface CertificateRequest {
  readonly name: string;
  /** OpenSSL's notation, e.g. `/O=system:masters/CN=admin`. Kubernetes reads O as group and CN as user. */
  readonly subject: string;
  /** Name of the signing authority, or null for an authority of its own. */
  readonly authority: 'cluster-ca' | 'front-proxy-ca' | null;
  readonly usage: 'authority' | 'client' | 'server';
  /** Subject alternative names, e.g. `DNS:localhost`, `IP:10.96.0.1`. */
  readonly names: readonly string[];
}

/** Longer than any test cluster lives; certificates are made anew at each cold start. */
const VALIDITY_DAYS = 365;

const client = (name: string, subject: string): CertificateRequest => ({
  name,
  subject,
  authority: 'cluster-ca',
  usage: 'client',
  names: [],
});

/** All certificates of the control plane, authorities first (kubernetes.io/docs/setup/best-practices/certificates). */
export function controlPlaneCertificates(layout: ClusterLayout): readonly CertificateRequest[] {
  return [
    { name: 'cluster-ca', subject: '/CN=sluice-cluster-ca', authority: null, usage: 'authority', names: [] },
    { name: 'front-proxy-ca', subject: '/CN=sluice-front-proxy-ca', authority: null, usage: 'authority', names: [] },
    {
      name: 'apiserver',
      subject: '/CN=kube-apiserver',
      authority: 'cluster-ca',
      usage: 'server',
      names: [
        'DNS:kubernetes',
        'DNS:kubernetes.default',
        'DNS:kubernetes.default.svc',
        'DNS:kubernetes.default.svc.cluster.local',
        'DNS:localhost',
        'IP:127.0.0.1',
        `IP:${API_SERVICE_ADDRESS}`,
        `IP:${layout.node.address}`,
      ],
    },
    client('apiserver-kubelet-client', '/O=system:masters/CN=kube-apiserver-kubelet-client'),
    client('admin', '/O=system:masters/CN=admin'),
    client('controller-manager', '/CN=system:kube-controller-manager'),
    client('scheduler', '/CN=system:kube-scheduler'),
    client('proxy', '/CN=system:kube-proxy'),
    {
      name: 'front-proxy-client',
      subject: '/CN=front-proxy-client',
      authority: 'front-proxy-ca',
      usage: 'client',
      names: [],
    },
  ];
}

/** What a node's kubelet needs: an identity towards the API server and one of its own for exec and logs. */
export function nodeCertificates(node: NodeLayout): readonly CertificateRequest[] {
  return [
    client(`${node.name}-client`, `/O=system:nodes/CN=system:node:${node.name}`),
    {
      name: `${node.name}-server`,
      subject: `/O=system:nodes/CN=system:node:${node.name}`,
      authority: 'cluster-ca',
      usage: 'server',
      names: [`DNS:${node.name}`, `IP:${node.address}`],
    },
  ];
}

/** Arguments of the one `openssl` call that makes key and certificate. */
export function opensslArguments(folder: string, request: CertificateRequest): readonly string[] {
  const path = (name: string) => join(folder, name);
  const authority = request.authority;
  const extensions =
    request.usage === 'authority'
      ? ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign,digitalSignature']
      : [
          'basicConstraints=critical,CA:FALSE',
          'keyUsage=critical,digitalSignature',
          `extendedKeyUsage=${request.usage === 'client' ? 'clientAuth' : 'serverAuth'}`,
        ];
  if (request.names.length > 0) extensions.push(`subjectAltName=${request.names.join(',')}`);
  return [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-sha256'],
    ...['-config', path('openssl.cnf'), '-subj', request.subject, '-days', String(VALIDITY_DAYS)],
    ...['-keyout', path(`${request.name}.key`), '-out', path(`${request.name}.crt`)],
    ...(authority === null ? [] : ['-CA', path(`${authority}.crt`), '-CAkey', path(`${authority}.key`)]),
    ...extensions.flatMap((extension) => ['-addext', extension]),
  ];
}

/** Makes all certificates and the key pair that signs service-account tokens. Takes about half a second. */
export async function createCertificates(layout: ClusterLayout): Promise<void> {
  const folder = layout.certificates;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // The machine's openssl.cnf would add extensions of its own; without it only ours are there.
  await writeFile(join(folder, 'openssl.cnf'), '[req]\ndistinguished_name = subject\nprompt = no\n[subject]\n');
  await sign(folder, controlPlaneCertificates(layout));
  await createNodeCertificates(layout, layout.node);
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  await writeFile(join(folder, 'service-account.key'), pair.privateKey, { mode: 0o600 });
  await writeFile(join(folder, 'service-account.pub'), pair.publicKey);
}

/** Makes the certificates of a node; the authorities must exist. */
export function createNodeCertificates(layout: ClusterLayout, node: NodeLayout): Promise<void> {
  return sign(layout.certificates, nodeCertificates(node));
}

async function sign(folder: string, requests: readonly CertificateRequest[]): Promise<void> {
  for (const request of requests) {
    await run('openssl', opensslArguments(folder, request));
    await chmod(join(folder, `${request.name}.key`), 0o600);
  }
}
