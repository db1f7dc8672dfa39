import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Channel } from '@sluice/crds';
import type { BareWrites, LeftStatus, WriteCounts } from './bare-client.ts';
import type { Ground } from './ground.ts';
import { type MachineTime, watchMachine } from './machine-time.ts';
import { channelName } from './objects.ts';

/** What the writes took the bare client. */
export interface BareSpent {
  /** From the first write to the end of the last. */
  readonly seconds: number;
  /** Of its thread meanwhile. */
  readonly cpuSeconds: number;
}

/** A bare client's turn. */
export interface BareRun extends BareSpent {
  /** Where the machine's time went meanwhile. */
  readonly machine: MachineTime;
}

/** What its thread is given. */
export interface BareThreadData {
  readonly kubeconfigPath: string;
  readonly writes: BareWrites;
}

/**
 * Does an operator's writes with a bare client, in a thread of its own: what watches the API server here costs as much as
 * it does beside an operator, and is not counted for the client.
 */
export async function timeBareClient(
  { plane, world }: Ground,
  wanted: { readonly channels: number; readonly counts: WriteCounts; readonly left: readonly LeftStatus[] },
): Promise<BareRun> {
  const channels = Array.from({ length: wanted.channels }, (_, index) => world.channel(channelName(index))).filter(
    (channel): channel is Channel => channel !== undefined,
  );
  const workerData: BareThreadData = {
    kubeconfigPath: plane.kubeconfigPath,
    writes: { channels, counts: wanted.counts, left: wanted.left },
  };
  const thread = new Worker(new URL('bare-thread.ts', import.meta.url), { workerData });
  try {
    await once(thread, 'message'); // it has loaded its modules
    const measured = await watchMachine(plane);
    thread.postMessage('go');
    const [spent] = (await once(thread, 'message')) as [BareSpent];
    return { ...spent, machine: await measured() };
  } finally {
    await thread.terminate();
  }
}
