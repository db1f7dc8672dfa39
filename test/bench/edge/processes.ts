import { existsSync, readdirSync, readFileSync } from 'node:fs';
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

/**
 * Starts a clock of the seconds that some processes run, all threads of theirs, by the scheduler's own clock: for turns that
 * the ticks of {@link cpuSecondsOf} are too coarse for. One that ends meanwhile, as nginx's cache loader does, counts for nothing.
 */
export function runClock(pids: readonly number[]): () => number {
  const before = pids.map(runSecondsOf);
  return () =>
    pids
      .map(runSecondsOf)
      .reduce<number>((sum, now, index) => sum + (now === null ? 0 : now - (before[index] ?? now)), 0);
}

/** Null for a process that has ended. */
function runSecondsOf(pid: number): number | null {
  try {
    const threads = readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}/schedstat`);
    // Running, waiting to run, times it has run (Documentation/scheduler/sched-stats.rst of Linux).
    return threads.reduce((sum, path) => sum + Number.parseInt(readFileSync(path, 'utf8'), 10), 0) / 1e9;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ESRCH'].includes(code) && !existsSync(`/proc/${pid}`)) return null;
    throw error;
  }
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
