import { readFileSync } from 'node:fs';
import { stringify } from 'yaml';

/** What a suite sets in a Channel of its own. */
export interface ChannelOptions {
  readonly namespace: string;
  readonly name: string;
  readonly uri: string;
  /** Merged into `spec` beside `source`. */
  readonly spec?: object;
}

/** YAML of a Channel. */
export function channelManifest({ namespace, name, uri, spec = {} }: ChannelOptions): string {
  return stringify({
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Channel',
    metadata: { name, namespace },
    spec: { source: { uri }, ...spec },
  });
}

const RESTRICTED = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

/** YAML of a pod and Service `bad-source` that runs bad-source.mjs. @param image any image with Node in it */
export function badSourceManifest(namespace: string, image: string): string {
  const labels = { 'app.kubernetes.io/name': 'bad-source' };
  const script = readFileSync(new URL('./bad-source.mjs', import.meta.url), 'utf8');
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'bad-source', namespace },
      spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'bad-source', namespace, labels },
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 2,
        securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name: 'source',
            image,
            command: ['node', '--input-type=module', '--eval', script],
            env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
            ports: [{ name: 'http', containerPort: 8080 }],
            securityContext: RESTRICTED,
            resources: { limits: { memory: '128Mi' } },
            readinessProbe: { httpGet: { path: '/html/index.m3u8', port: 8080 }, periodSeconds: 1 },
          },
        ],
      },
    },
  ];
  return objects.map((object) => stringify(object)).join('---\n');
}

/** YAML of a namespace that enforces the strictest Pod Security Standard, as a careful platform team would have it. */
export function namespaceManifest(name: string): string {
  const labels = Object.fromEntries(
    ['enforce', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']),
  );
  return stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
}
