import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { connect } from '@sluice/operator/runtime/client/connection.ts';
import { BareClient, tasksOf } from './bare-client.ts';
import type { BareSpent, BareThreadData } from './bare-run.ts';
import { inParallel } from './parallel.ts';

/** A bare client's thread: waits for a word, does the writes that it was given, and says what they took. */
async function main(): Promise<void> {
  if (parentPort === null) throw new Error('this is a thread of the bench of the operator');
  const { kubeconfigPath, writes } = workerData as BareThreadData;
  const bare = new BareClient(connect(kubeconfigPath));
  const told = once(parentPort, 'message');
  parentPort.postMessage('ready');
  await told;
  const started = performance.now();
  const before = process.threadCpuUsage();
  await inParallel(tasksOf(bare, writes));
  const { user, system } = process.threadCpuUsage(before);
  const spent: BareSpent = { seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 };
  parentPort.postMessage(spent);
  await bare.close();
}

await main();
