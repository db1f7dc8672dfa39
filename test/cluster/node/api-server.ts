import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterConfig } from '../config.ts';
import { startDaemon, stopDaemon, waitForDaemon } from '../process/supervise.ts';
import type { Progress } from '../progress.ts';
import { ensureTool } from '../toolchain/build.ts';
import { apiServerArguments } from './control-plane.ts';
import { clusterLayout } from './layout.ts';
import { apiServerReady } from './start.ts';

const NAME = 'kube-apiserver';
/** A server that waits for its watches to end is killed: this is about what clients see of that. */
const GRACE_SECONDS = 2;

/** Ends the API server of the running cluster, and starts it again after `downSeconds`; resolves when it is ready. */
export async function restartNodeApiServer(
  config: ClusterConfig,
  progress: Progress,
  downSeconds: number,
): Promise<void> {
  const layout = clusterLayout(config);
  const binaries = await ensureTool(config, progress, 'kubernetes');
  await stopDaemon(layout, NAME, GRACE_SECONDS);
  try {
    await sleep(downSeconds * 1000);
  } finally {
    await startDaemon(layout, NAME, `${binaries}/${NAME}`, apiServerArguments(layout), config.environment);
  }
  await waitForDaemon(layout, NAME, 90, () => apiServerReady(layout, binaries));
}
