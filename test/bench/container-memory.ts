import { setTimeout as sleep } from 'node:timers/promises';
import { SYSTEM_NAMESPACE } from '../install/install.ts';
import type { Kubectl } from '../install/kubectl.ts';
import { metricOf, podOf } from './pods.ts';
import type { Measurement } from './statistics.ts';

/** The kubelet looks at containers every 10 to 15 s. */
const LOOK_SECONDS = 20;

/** The programs that are looked at, by the component of the chart whose pods they run in. */
const CONTAINERS = [
  { component: 'operator', container: 'operator', name: 'operator' },
  { component: 'edge', container: 'sidecar', name: "edge's sidecar" },
] as const;

/** What of the kubelet's /stats/summary is read. */
interface Summary {
  readonly pods: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string };
    readonly containers?: readonly { readonly name: string; readonly memory?: { readonly workingSetBytes?: number } }[];
  }[];
}

/**
 * Memory of operator and sidecar: what the process calls resident, and the working set of its container, which is what
 * Kubernetes shows (`kubectl top`), compares with limits, and evicts by.
 */
export async function measureContainerMemory(kubectl: Kubectl): Promise<Measurement[]> {
  await sleep(LOOK_SECONDS * 1000);
  const rows: Measurement[] = [];
  for (const { component, container, name } of CONTAINERS) {
    const pod = await podOf(kubectl, component);
    const [resident, workingSet] = await Promise.all([
      metricOf(kubectl, pod, 'process_resident_memory_bytes'),
      workingSetOf(kubectl, pod, container),
    ]);
    rows.push(
      { what: `resident memory of the ${name}`, measured: megabytes(resident), reference: 'bare Node 24: 43 MB' },
      { what: `working set of its container, as the kubelet has it`, measured: megabytes(workingSet), reference: '' },
    );
  }
  return rows;
}

/** Bytes of a container's working set. @throws Error if the kubelet does not know it */
async function workingSetOf(kubectl: Kubectl, pod: string, container: string): Promise<number> {
  const found = await kubectl.get<{ readonly spec: { readonly nodeName?: string } }>([
    'pod',
    '-n',
    SYSTEM_NAMESPACE,
    pod,
  ]);
  const node = found?.spec.nodeName ?? '';
  const summary = JSON.parse(
    await kubectl.run(['get', '--raw', `/api/v1/nodes/${node}/proxy/stats/summary`]),
  ) as Summary;
  const bytes = summary.pods
    .find(({ podRef }) => podRef.namespace === SYSTEM_NAMESPACE && podRef.name === pod)
    ?.containers?.find(({ name }) => name === container)?.memory?.workingSetBytes;
  if (bytes === undefined) throw new Error(`the kubelet of ${node} has no working set of ${container} in ${pod}`);
  return bytes;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
