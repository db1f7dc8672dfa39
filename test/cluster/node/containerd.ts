import type { NodeLayout } from './layout.ts';

/** Image of the container that holds a pod's namespaces; built from `go/pause`, as there is no registry. */
export const PAUSE_IMAGE = 'docker.io/sluice/pause:1';

/** containerd's configuration (version 2, understood by containerd 1.4 to 2.x). */
export function containerdConfiguration(node: NodeLayout, cniBinaries: string, loopbackAddress: string): string {
  const text = JSON.stringify;
  const runtime = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = ${text(node.imageStore)}
state = ${text(node.containerdState)}
# Snapshotters that want a file system or service of their own only fill the log with warnings.
disabled_plugins = [${['aufs', 'btrfs', 'devmapper', 'zfs'].map((name) => text(`io.containerd.snapshotter.v1.${name}`)).join(', ')}]

[grpc]
  address = ${text(node.containerdSocket)}

[ttrpc]
  address = ${text(`${node.containerdSocket}.ttrpc`)}

[plugins."io.containerd.internal.v1.opt"]
  path = ${text(`${node.directory}/opt`)}

[${runtime}]
  sandbox_image = ${text(PAUSE_IMAGE)}
  stream_server_address = ${text(loopbackAddress)}
  netns_mounts_under_state_dir = true
  # A negative OOM score needs CAP_SYS_RESOURCE, which containers of continuous integration lack; every pod would die.
  restrict_oom_score_adj = true

  [${runtime}.cni]
    bin_dir = ${text(cniBinaries)}
    conf_dir = ${text(node.cniConfigDirectory)}

  [${runtime}.containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [${runtime}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [${runtime}.containerd.runtimes.runc.options]
        Root = ${text(node.runcRoot)}
        SystemdCgroup = false
`;
}

/**
 * The pod network: a routed pair of interfaces per pod. With a bridge, answers between two pods of one Service would
 * take the short way past the address translation unless the kernel sends bridged packets through it; with routes
 * they cannot. Host ports are not offered.
 */
export function cniConfiguration(node: NodeLayout, podRange: string): Readonly<Record<string, unknown>> {
  return {
    cniVersion: '0.4.0',
    name: 'sluice',
    plugins: [
      {
        type: 'ptp',
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: node.cniDataDirectory,
          ranges: [[{ subnet: podRange }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  };
}
