import { TOOLS } from '../toolchain/tools.ts';
import { DNS_SERVICE_ADDRESS } from './layout.ts';

/** Reference of the image that the cluster builds for itself from CoreDNS's pinned release. */
export const COREDNS_IMAGE = `docker.io/sluice/coredns:${TOOLS.coredns.version}`;

const NAME = { name: 'coredns', namespace: 'kube-system' } as const;
const LABELS = { 'k8s-app': 'kube-dns' } as const;

/** @param forward whether names outside the cluster are asked at the machine's own name servers */
function corefile(forward: boolean): string {
  return `.:53 {
    errors
    health {
        lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 5
    }
${forward ? '    forward . /etc/resolv.conf\n' : ''}    cache 5
    loadbalance
}
`;
}

/** Cluster DNS as kubeadm installs it, with one replica and short lifetimes. One List for `kubectl apply`. */
export function corednsManifests(forward: boolean): Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: NAME },
      ...accessRules(),
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: NAME, data: { Corefile: corefile(forward) } },
      deployment(),
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { ...NAME, name: 'kube-dns', labels: LABELS },
        spec: {
          clusterIP: DNS_SERVICE_ADDRESS,
          selector: LABELS,
          ports: [
            { name: 'dns', port: 53, protocol: 'UDP' },
            { name: 'dns-tcp', port: 53, protocol: 'TCP' },
          ],
        },
      },
    ],
  };
}

function accessRules(): readonly unknown[] {
  const read = (apiGroups: string[], resources: string[]) => ({ apiGroups, resources, verbs: ['list', 'watch'] });
  return [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'system:coredns' },
      rules: [read([''], ['services', 'pods', 'namespaces']), read(['discovery.k8s.io'], ['endpointslices'])],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'system:coredns' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:coredns' },
      subjects: [{ kind: 'ServiceAccount', ...NAME }],
    },
  ];
}

function deployment(): unknown {
  const probe = (path: string, port: number) => ({ httpGet: { path, port }, periodSeconds: 1 });
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...NAME, labels: LABELS },
    spec: {
      replicas: 1,
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: {
          priorityClassName: 'system-cluster-critical',
          serviceAccountName: NAME.name,
          dnsPolicy: 'Default',
          tolerations: [{ operator: 'Exists' }],
          containers: [
            {
              name: 'coredns',
              image: COREDNS_IMAGE,
              imagePullPolicy: 'IfNotPresent',
              args: ['-conf', '/etc/coredns/Corefile'],
              resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '170Mi' } },
              readinessProbe: probe('/ready', 8181),
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] },
              },
              volumeMounts: [{ name: 'config', mountPath: '/etc/coredns', readOnly: true }],
            },
          ],
          volumes: [{ name: 'config', configMap: { name: NAME.name } }],
        },
      },
    },
  };
}
