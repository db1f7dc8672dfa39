import type { SessionReport } from '@sluice/common/link/owner-report.ts';
import type { Pod } from '../../kinds.ts';
import type { ObservedSession } from '../plan.ts';
import type { NewestPod } from '../pod-state.ts';
import { podName } from './pod.ts';

/** What a start waits for: one stable word for programs, and a sentence that names the object. */
export interface Waiting {
  readonly reason: string;
  readonly message: string;
}

/** What a session that is on its way waits for. */
export function waitingFor(input: ObservedSession & { readonly newest: NewestPod }): Waiting {
  const { newest, memory, session, pods, report } = input;
  const pod = podName(session.metadata.name, memory.attempt);
  const node = nodeOf(pods, pod);
  switch (newest.kind) {
    case 'none':
    case 'unseen':
      return { reason: 'WaitingForPod', message: `pod ${pod} is being made` };
    case 'pending':
      return node === ''
        ? { reason: 'WaitingForNode', message: `pod ${pod} waits for the scheduler to choose a node` }
        : {
            reason: 'WaitingForKubelet',
            message: `pod ${pod} waits for node ${node} to pull its image and mount Secret ${session.metadata.name}`,
          };
    case 'leaving':
      return { reason: 'WaitingForPod', message: `${onNode(pods, pod)} leaves; another pod takes its place` };
    case 'succeeded':
      return { reason: 'Ended', message: `pod ${pod} has ended` };
    default:
      return running(onNode(pods, pod), report);
  }
}

function running(pod: string, report: SessionReport | null): Waiting {
  const said = report?.message ? `; it says: ${report.message}` : '';
  switch (report?.state) {
    case 'Feeding':
      return {
        reason: 'WaitingForSegments',
        message: `${pod} encodes; three segments of every rung must arrive in time${said}`,
      };
    case 'Aligned':
      return { reason: 'WaitingForSwitch', message: `${pod} delivers in time; the owner edge lists it next` };
    default:
      return { reason: 'WaitingForAgent', message: `${pod} has not reached the owner edge yet${said}` };
  }
}

/** A pod and its node, for sentences. */
export function onNode(pods: readonly Pod[], name: string): string {
  const node = nodeOf(pods, name);
  return node === '' ? `pod ${name}` : `pod ${name} on node ${node}`;
}

/** Name of the node that a pod was given; empty: none yet, or it needs none. */
function nodeOf(pods: readonly Pod[], name: string): string {
  return pods.find(({ metadata }) => metadata.name === name)?.spec.nodeName ?? '';
}
