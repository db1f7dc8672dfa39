import { readdirSync, readFileSync } from 'node:fs';
import { parseStat } from '../process-usage.ts';

/** CPU seconds, user and system, that all processes of some process groups have used so far. */
export function cpuSecondsOf(groups: readonly number[]): number {
  let seconds = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const process = parseStat(statOf(pid));
    if (groups.includes(process.group)) seconds += process.cpuSeconds;
  }
  return seconds;
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
