import { readFile } from 'node:fs/promises';

/** Linux counts CPU time in ticks of a hundredth of a second for programs (USER_HZ), on every platform of ours. */
const TICKS_PER_SECOND = 100;

/** What a process has used. */
export interface Usage {
  /** CPU time since its start, user and system. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** What of it no file holds as well, such as the text of programs. */
  readonly anonymousBytes: number;
  /** Highest resident memory since its start. */
  readonly peakBytes: number;
}

/** Reads it from /proc. @throws Error ENOENT if there is no such process */
export async function usageOf(pid: number): Promise<Usage> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/status`, 'utf8'),
  ]);
  return parseUsage(stat, status);
}

/** What the texts of /proc/PID/stat and /proc/PID/status say. */
export function parseUsage(stat: string, status: string): Usage {
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
  return {
    cpuSeconds: parseStat(stat).cpuSeconds,
    residentBytes: kilobytes('VmRSS') * 1024,
    anonymousBytes: kilobytes('RssAnon') * 1024,
    peakBytes: kilobytes('VmHWM') * 1024,
  };
}

/** What the text of /proc/PID/stat says: the process group, and the CPU time since the start, user and system. */
export function parseStat(stat: string): { readonly group: number; readonly cpuSeconds: number } {
  // The command name stands in brackets and may hold spaces and brackets itself: count fields after the last one.
  const [, , group, ...more] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [userTicks, systemTicks] = more.slice(8);
  return { group: Number(group), cpuSeconds: (Number(userTicks) + Number(systemTicks)) / TICKS_PER_SECOND };
}

/** CPU time of all programs since the machine started, by the text of /proc/stat: neither idle nor waiting for a disk. */
export function parseMachineTime(stat: string): number {
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, softInterrupts = 0] = stat
    .slice(0, stat.indexOf('\n'))
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + interrupts + softInterrupts) / TICKS_PER_SECOND;
}
