import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { performance } from 'node:perf_hooks';
import { parseMachineTime } from '../process-usage.ts';
import type { ControlPlane } from './control-plane.ts';

/** CPU seconds by program while something was measured: tells one that waits from a machine that has no more to give. */
export interface MachineTime {
  /** By name of the program: `kube-apiserver`, `etcd`, ..., `bench` for this one. */
  readonly byProgram: Readonly<Record<string, number>>;
  /** Of all programs of the machine, those of strangers included. */
  readonly busySeconds: number;
  /** What the machine had to give: its cores times the time. */
  readonly possibleSeconds: number;
}

/**
 * Measures from now on.
 * @returns to be called at the end
 */
export async function watchMachine(plane: ControlPlane): Promise<() => Promise<MachineTime>> {
  const before = await look(plane);
  return async () => {
    const after = await look(plane);
    const byProgram = Object.fromEntries(
      Object.entries(after.byProgram).map(([name, seconds]) => [name, seconds - (before.byProgram[name] ?? 0)]),
    );
    const possibleSeconds = ((after.at - before.at) / 1000) * cpus().length;
    return { byProgram, busySeconds: after.busySeconds - before.busySeconds, possibleSeconds };
  };
}

/** The share of the machine that was used, and by whom, for a table. */
export function machineTimeText({ byProgram, busySeconds, possibleSeconds }: MachineTime): string {
  const known = Object.entries(byProgram).sort(([, one], [, other]) => other - one);
  const strangers = busySeconds - known.reduce((sum, [, seconds]) => sum + seconds, 0);
  const parts = [...known, ['all else', strangers] as const].map(([name, seconds]) => `${name} ${seconds.toFixed(1)}`);
  return `${((busySeconds / possibleSeconds) * 100).toFixed(0)} % busy; CPU s: ${parts.join(', ')}`;
}

interface Look extends Pick<MachineTime, 'byProgram' | 'busySeconds'> {
  readonly at: number;
}

async function look(plane: ControlPlane): Promise<Look> {
  const [byDaemon, stat] = await Promise.all([plane.cpuSeconds(), readFile('/proc/stat', 'utf8')]);
  const { user, system } = process.cpuUsage();
  return {
    at: performance.now(),
    byProgram: { ...byDaemon, bench: (user + system) / 1e6 },
    busySeconds: parseMachineTime(stat),
  };
}
