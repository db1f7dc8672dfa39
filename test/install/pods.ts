import { SYSTEM_NAMESPACE } from './install.ts';
import type { Kubectl } from './kubectl.ts';

/** Names of the pods of a component of the chart: `operator` or `edge`. */
export async function podsOf(kubectl: Kubectl, component: string): Promise<readonly string[]> {
  const selector = `app.kubernetes.io/component=${component}`;
  const names = await kubectl.run(['get', 'pods', '-n', SYSTEM_NAMESPACE, '-l', selector, '-o', 'name']);
  return linesOf(names).map((name) => name.replace('pod/', ''));
}

/** Runs a shell script in the sidecar of every edge pod. @returns all lines that it prints */
export async function runInEdges(kubectl: Kubectl, script: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const pod of await podsOf(kubectl, 'edge')) {
    const args = ['exec', '-n', SYSTEM_NAMESPACE, pod, '-c', 'sidecar', '--', 'sh', '-c', script];
    lines.push(...linesOf(await kubectl.run(args)));
  }
  return lines;
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}
