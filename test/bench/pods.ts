import { SYSTEM_NAMESPACE } from '../install/install.ts';
import type { Kubectl } from '../install/kubectl.ts';
import { podsOf } from '../install/pods.ts';

/** Name of the first pod of a component of the chart. */
export async function podOf(kubectl: Kubectl, component: string): Promise<string> {
  const [first = ''] = await podsOf(kubectl, component);
  return first;
}

/** A number out of a pod's /metrics, through the API server. @throws Error if there is no such series */
export async function metricOf(kubectl: Kubectl, pod: string, name: string): Promise<number> {
  const path = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/pods/${pod}:9090/proxy/metrics`;
  const line = (await kubectl.run(['get', '--raw', path])).split('\n').find((one) => one.startsWith(`${name} `));
  if (line === undefined) throw new Error(`${pod} has no metric ${name}`);
  return Number(line.slice(name.length + 1));
}

/** CPU seconds that a container has used so far, by its cgroup (version 2, else 1). */
export async function cpuSecondsOf(kubectl: Kubectl, pod: string, container: string): Promise<number> {
  const script = 'cat /sys/fs/cgroup/cpu.stat 2>/dev/null || cat /sys/fs/cgroup/cpuacct/cpuacct.usage';
  const text = await kubectl.run(['exec', '-n', SYSTEM_NAMESPACE, pod, '-c', container, '--', 'sh', '-c', script]);
  const usec = /usage_usec (\d+)/.exec(text);
  return usec === null ? Number(text.trim()) / 1e9 : Number(usec[1]) / 1e6;
}
