import { readdirSync, readFileSync } from 'node:fs';
import { parseStat } from '../process-usage.ts';

/** CPU seconds, user and system, that all processes of some process groups have used so far. */
export function cpuSecondsOf(groups: readonly number[]): number {
  return cpuSecondsByGroup(groups).reduce((sum, seconds) => sum + seconds, 0);
}

/** CPU seconds, user and system, that all processes of each of some process groups have used so far. */
export function cpuSecondsByGroup(groups: readonly number[]): readonly number[] {
  const seconds = groups.map(() => 0);
  for (const { group, cpuSeconds } of processes()) {
    const index = groups.indexOf(group);
    if (index >= 0) seconds[index] = (seconds[index] ?? 0) + cpuSeconds;
  }
  return seconds;
}

/** Ids of all processes of a process group. */
export function pidsOf(group: number): readonly number[] {
  return [...processes()].filter((process) => process.group === group).map(({ pid }) => pid);
}

function* processes(): Iterable<{ readonly pid: number; readonly group: number; readonly cpuSeconds: number }> {
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name)) yield { pid: Number(name), ...parseStat(statOf(name)) };
  }
}

/** Open descriptors of one process. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** The text of /proc/PID/stat; empty for a process that has just ended. */
function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
}
