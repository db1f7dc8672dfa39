import { loadavg } from 'node:os';
import { bundle } from '../../../images/bundle.ts';
import type { Context } from '../../cluster/cluster.ts';
import { interruptible } from '../interruption.ts';
import type { Measurement } from '../statistics.ts';
import { type ColdStart, measureColdStart } from './cold-start.ts';
import type { Bench } from './ground.ts';
import { measureSteadyState, type SteadyState } from './steady-state.ts';
import { coldStartRows, growthTable, steadyRows } from './tables.ts';

/** Numbers of Channels that are measured unless others are asked for. */
export const SIZES: readonly number[] = [100, 1000, 10_000];
/** The number of Channels whose steady state is measured. */
const BUSY = 1000;

/**
 * The operator as a process of its own against a real API server, etcd and scheduler, with pods by kwok.
 * @param sizes numbers of Channels, one cold start each
 * @throws SluiceError INTERRUPTED after a signal, when everything that was started has ended
 */
export function measureOperator(context: Context, sizes: readonly number[] = SIZES): Promise<Measurement[]> {
  return interruptible(async (interruption) => {
    await bundle(context.config.repositoryRoot, ['operator'], () => {});
    const bench: Bench = { ...context, interruption };
    const rows: Measurement[] = [];
    const starts: ColdStart[] = [];
    for (const channels of sizes) {
      const { start, steady } = await measureSize(bench, channels);
      starts.push(start);
      rows.push(...coldStartRows(start), ...(steady === null ? [] : steadyRows(steady, start)));
      context.progress.note(`\n${growthTable(starts)}\n`);
    }
    return rows;
  });
}

async function measureSize(
  bench: Bench,
  channels: number,
): Promise<{ readonly start: ColdStart; readonly steady: SteadyState | null }> {
  const { progress } = bench;
  let steady: SteadyState | null = null;
  const load = loadavg()[0]?.toFixed(1) ?? '?';
  progress.note(
    `${channels} Channels; load of this machine ${load} (wall times mean little above its number of cores)`,
  );
  const start = await measureColdStart(bench, channels, async (scene) => {
    if (channels !== BUSY) return;
    steady = await progress.step('steady state', 130, () => measureSteadyState(scene, channels, bench));
  });
  return { start, steady };
}
