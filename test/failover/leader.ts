import { readdir, readFile } from 'node:fs/promises';
import { SYSTEM_NAMESPACE } from '../install/install.ts';
import { eventually, type Kubectl } from '../install/kubectl.ts';
import { podsOf } from '../install/pods.ts';

/** Who leads the operators, as the Lease says. */
export interface Leader {
  /** Unique for each start of an operator. */
  readonly identity: string;
  readonly pod: string;
  /** Times in ms since the epoch, by the clock of the leader's node. */
  readonly acquiredAtMs: number;
  readonly renewedAtMs: number;
  /** What the operator proves to edges; higher for each leader. */
  readonly term: number;
}

interface LeaseView {
  readonly metadata: { readonly creationTimestamp: string };
  readonly spec: {
    readonly holderIdentity?: string;
    readonly acquireTime: string;
    readonly renewTime: string;
    readonly leaseTransitions: number;
  };
}

/** The leader now; null while there is none. */
export async function leader(kubectl: Kubectl): Promise<Leader | null> {
  const lease = await kubectl.get<LeaseView>(['lease', 'sluice-operator', '-n', SYSTEM_NAMESPACE]);
  const identity = lease?.spec.holderIdentity ?? '';
  if (lease === null || identity === '') return null;
  return {
    identity,
    pod: identity.slice(0, identity.indexOf('_')),
    acquiredAtMs: Date.parse(lease.spec.acquireTime),
    renewedAtMs: Date.parse(lease.spec.renewTime),
    term: Math.floor(Date.parse(lease.metadata.creationTimestamp) / 1000) + lease.spec.leaseTransitions,
  };
}

/** Waits for another leader than `before`. @throws SluiceError `WAIT_TIMEOUT` */
export function nextLeader(kubectl: Kubectl, before: Leader | null): Promise<Leader> {
  return eventually(
    `another operator than ${before?.identity} leads`,
    async () => {
      const now = await leader(kubectl);
      return now === null || now.identity === before?.identity ? null : now;
    },
    { timeoutSeconds: 60 },
  );
}

/** Waits until every edge has been reached by the leader of this term. @returns when the last was, in ms since the epoch */
export async function edgesLinkedAtMs(kubectl: Kubectl, term: number): Promise<number> {
  const times: number[] = [];
  for (const pod of await podsOf(kubectl, 'edge')) {
    const time = await eventually(
      `${pod} has a link to the operator of term ${term}`,
      async () =>
        linkedAtMs(await kubectl.run(['logs', '-n', SYSTEM_NAMESPACE, pod, '-c', 'sidecar', '--tail=500']), term),
      { timeoutSeconds: 30 },
    );
    times.push(time);
  }
  return Math.max(...times);
}

function linkedAtMs(log: string, term: number): number | null {
  const lines = log.split('\n').filter((line) => line.includes('an operator has taken over') && line.startsWith('{'));
  const entries = lines.map((line) => JSON.parse(line) as { readonly term?: number; readonly time: string });
  const entry = entries.find((each) => each.term === term);
  return entry === undefined ? null : Date.parse(entry.time);
}

/**
 * Kills the operator's process in a pod as the kernel does when memory is short: it gets no chance to say anything.
 * @returns when, in ms since the epoch
 * @throws Error where the node's processes are not visible here, as on a cluster of other machines
 */
export async function killOperator(kubectl: Kubectl, pod: string): Promise<number> {
  const uid = await kubectl.run(['get', 'pod', pod, '-n', SYSTEM_NAMESPACE, '-o', 'jsonpath={.metadata.uid}']);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const [groups, command] = await Promise.all(
      ['cgroup', 'cmdline'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
    );
    // Cgroup drivers write the uid with dashes or underscores.
    const isOfPod = groups?.replaceAll('_', '-').includes(uid) ?? false;
    if (!isOfPod || !command?.includes('operator.js')) continue;
    process.kill(Number(pid), 'SIGKILL');
    return Date.now();
  }
  throw new Error(`no process of pod ${pod} on this machine: this suite needs a cluster whose nodes run here`);
}

/** Value of a metric of one pod, all labels summed up; null if it has no such series. @param match what the series must contain */
export async function metricOf(kubectl: Kubectl, pod: string, name: string, match = ''): Promise<number | null> {
  const path = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/pods/${pod}:9090/proxy/metrics`;
  return sumOf(await kubectl.run(['get', '--raw', path]), name, (labels) => labels.includes(match));
}

/** Writes so far to the product's own kinds and to Secrets, whoever made them, as the API server has counted them. */
export async function writesSoFar(kubectl: Kubectl): Promise<number> {
  const text = await kubectl.run(['get', '--raw', '/metrics']);
  const isWrite = (labels: string): boolean =>
    /verb="(APPLY|PATCH|POST|PUT|DELETE)"/.test(labels) && /group="sluice\.dev"|resource="secrets"/.test(labels);
  const writes = sumOf(text, 'apiserver_request_total', isWrite);
  if (writes === null) throw new Error('the API server counts no writes: has it renamed apiserver_request_total?');
  return writes;
}

function sumOf(text: string, name: string, isWanted: (labels: string) => boolean): number | null {
  const values = text.split('\n').flatMap((line) => {
    const [, metric, labels = '', value] = /^(\w+)(\{.*\})? (\S+)$/.exec(line) ?? [];
    return metric === name && isWanted(labels) ? [Number(value)] : [];
  });
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
}
