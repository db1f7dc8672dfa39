import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../process/wait.ts';
import type { KindCommands } from './commands.ts';
import { CONTAINER, kindApiReady } from './kind.ts';

/** kubeadm's place for the pods that the kubelet runs without an API server. */
const MANIFEST = '/etc/kubernetes/manifests/kube-apiserver.yaml';
const PUT_ASIDE = '/etc/kubernetes/kube-apiserver.yaml';

/** Ends the API server, and starts it again after `downSeconds` without an answer; resolves when it is ready. */
export async function restartKindApiServer(docker: KindCommands['docker'], downSeconds: number): Promise<void> {
  await docker('exec', CONTAINER, 'mv', MANIFEST, PUT_ASIDE);
  try {
    await waitUntil('the API server to end', 90, async () => !(await kindApiReady(docker)));
    await sleep(downSeconds * 1000);
  } finally {
    await docker('exec', CONTAINER, 'mv', PUT_ASIDE, MANIFEST);
  }
  await waitUntil('the API server to be ready', 120, () => kindApiReady(docker));
}
