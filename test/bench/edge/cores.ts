import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { pidsOf } from './processes.ts';

/** Debian's util-linux has it on every system. */
const TASKSET = 'taskset';

/**
 * Lets the servers that are measured run on the machine's first core alone, and this process on the second one.
 * What a byte costs depends on which of both drives the kernel's TCP, and that on how they share cores: left to the
 * scheduler, two nginx of the same configuration lie up to a half apart.
 * @returns what lets all run everywhere again; null where there is one core, or no {@link TASKSET}
 */
export function partCores(groups: readonly number[]): (() => void) | null {
  const cores = availableParallelism();
  if (cores < 2) return null;
  const servers = groups.flatMap(pidsOf);
  try {
    bind(servers, '0');
    bind([process.pid], '1');
  } catch {
    return null;
  }
  return () => bind([...servers, process.pid], `0-${cores - 1}`);
}

/** @throws Error where there is no such program, or it may not */
function bind(pids: readonly number[], cores: string): void {
  for (const pid of pids) execFileSync(TASKSET, ['-a', '-p', '-c', cores, String(pid)], { stdio: 'ignore' });
}
