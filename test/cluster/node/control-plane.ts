import { join } from 'node:path';
import { componentKubeconfig } from './kubeconfig.ts';
import { API_PORT, type ClusterLayout, RANGES } from './layout.ts';

/** etcd on loopback; without fsync, because a test cluster's data ends with it and fsync costs most of a write. */
export function etcdArguments(layout: ClusterLayout): readonly string[] {
  const client = `http://${layout.localAddress}:2379`;
  const peer = `http://${layout.localAddress}:2380`;
  return [
    '--name=sluice',
    `--data-dir=${layout.etcdData}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=sluice=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

/** Command line of kube-apiserver: etcd on loopback, RBAC and node authorization, certificates of the layout. */
export function apiServerArguments(layout: ClusterLayout): readonly string[] {
  const file = (name: string) => join(layout.certificates, name);
  return [
    `--etcd-servers=http://${layout.localAddress}:2379`,
    `--bind-address=${layout.node.address}`,
    `--advertise-address=${layout.node.address}`,
    `--secure-port=${API_PORT}`,
    `--tls-cert-file=${file('apiserver.crt')}`,
    `--tls-private-key-file=${file('apiserver.key')}`,
    `--client-ca-file=${file('cluster-ca.crt')}`,
    `--kubelet-certificate-authority=${file('cluster-ca.crt')}`,
    `--kubelet-client-certificate=${file('apiserver-kubelet-client.crt')}`,
    `--kubelet-client-key=${file('apiserver-kubelet-client.key')}`,
    // By default the node's name is tried first, and no DNS server knows it: exec and logs would fail.
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${file('service-account.pub')}`,
    `--service-account-signing-key-file=${file('service-account.key')}`,
    `--service-cluster-ip-range=${RANGES.services}`,
    `--requestheader-client-ca-file=${file('front-proxy-ca.crt')}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${file('front-proxy-client.crt')}`,
    `--proxy-client-key-file=${file('front-proxy-client.key')}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
  ];
}

/** Command line of kube-controller-manager: certificates and pod ranges of the layout, no election of a leader. */
export function controllerManagerArguments(layout: ClusterLayout): readonly string[] {
  const file = (name: string) => join(layout.certificates, name);
  const kubeconfig = componentKubeconfig(layout, 'controller-manager');
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--bind-address=${layout.localAddress}`,
    '--allocate-node-cidrs=true',
    `--cluster-cidr=${RANGES.pods}`,
    `--service-cluster-ip-range=${RANGES.services}`,
    '--use-service-account-credentials=true',
    // One replica: an election would only delay the start.
    '--leader-elect=false',
    `--root-ca-file=${file('cluster-ca.crt')}`,
    `--service-account-private-key-file=${file('service-account.key')}`,
    `--cluster-signing-cert-file=${file('cluster-ca.crt')}`,
    `--cluster-signing-key-file=${file('cluster-ca.key')}`,
    `--flex-volume-plugin-dir=${layout.volumePlugins}`,
  ];
}

/** Command line of kube-scheduler, which elects no leader: there is one. */
export function schedulerArguments(layout: ClusterLayout): readonly string[] {
  const kubeconfig = componentKubeconfig(layout, 'scheduler');
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--bind-address=${layout.localAddress}`,
    '--leader-elect=false',
  ];
}
