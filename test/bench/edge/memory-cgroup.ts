import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Command } from '../../../images/edge/integration/ending-with-parent.ts';
import { removeCgroup } from '../../cluster/node/cgroups.ts';
import { type Mount, readMounts } from '../../cluster/process/mounts.ts';

/** Where a version of cgroups says what a group is charged with (Linux, Documentation/admin-guide: cgroup-v1/memory.rst, cgroup-v2.rst). */
export interface Hierarchy {
  /** Where it is mounted. */
  readonly root: string;
  readonly usageFile: string;
  /** Line of `memory.stat`: inactive pages of files, of the group and of those below it. */
  readonly inactiveName: string;
}

/** What a cgroup is charged with: heaps, stacks, what the kernel holds for it, and pages of files that it was the first to read. */
export interface Charge {
  /** Without inactive pages of files, by the kubelet's rule: `kubectl top`, limits and eviction go by it. */
  readonly workingSetBytes: number;
  /** Pages of files that were not used again since they were read: the kernel takes them first, and without writing. */
  readonly inactiveFileBytes: number;
}

/** A cgroup whose programs are charged for their memory as a container's are. */
export interface MemoryCgroup {
  /** Words before a command that is to run in it from its first page on. */
  readonly words: Command;
  charge(): Promise<Charge>;
  /** Ends what still runs in it, and removes it. */
  remove(): Promise<void>;
}

/**
 * Makes a cgroup of version 1 or 2 right below the root, which only root may.
 * @param name one that nobody else has; there is no other yet
 * @throws SluiceError NO_CGROUP where there is no memory controller, or this process may not
 */
export async function createMemoryCgroup(name: string): Promise<MemoryCgroup> {
  const hierarchy = memoryHierarchy(await readMounts());
  if (hierarchy === null) throw noCgroup('no hierarchy of cgroups is mounted that counts memory');
  const folder = await makeGroup(hierarchy, name);
  const read = (file: string) => readFile(join(folder, file), 'utf8');
  return {
    // The shell goes in and becomes the command: it keeps its process id.
    words: ['/bin/sh', '-c', 'echo $$ > "$0" && exec "$@"', join(folder, 'cgroup.procs')],
    charge: async () => chargeOf(await read(hierarchy.usageFile), await read('memory.stat'), hierarchy.inactiveName),
    remove: () => removeCgroup(`/${name}`),
  };
}

async function makeGroup({ root, usageFile }: Hierarchy, name: string): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder).catch((error: unknown) => {
    throw noCgroup(`cannot make ${folder}`, error);
  });
  try {
    // Version 2 counts for those below only where their parent says so.
    if (!existsSync(join(folder, usageFile))) await writeFile(join(root, 'cgroup.subtree_control'), '+memory');
    await readFile(join(folder, usageFile));
    return folder;
  } catch (error) {
    await removeCgroup(`/${name}`);
    throw noCgroup(`${root} does not count the memory of those below it`, error);
  }
}

/** The mounted hierarchy that counts memory; null where none does. With both versions mounted, a controller is in one of them. */
export function memoryHierarchy(mounts: readonly Mount[]): Hierarchy | null {
  const first = mounts.find(({ type, options }) => type === 'cgroup' && options.includes('memory'));
  if (first !== undefined) {
    return { root: first.target, usageFile: 'memory.usage_in_bytes', inactiveName: 'total_inactive_file' };
  }
  const second = mounts.find(({ type }) => type === 'cgroup2');
  return second === undefined
    ? null
    : { root: second.target, usageFile: 'memory.current', inactiveName: 'inactive_file' };
}

/** What the texts of both files say. @throws RangeError where one of them says nothing of the kind */
export function chargeOf(usage: string, stat: string, inactiveName: string): Charge {
  const used = /^\d+$/.exec(usage.trim())?.[0];
  const inactive = new RegExp(`^${inactiveName} (\\d+)$`, 'm').exec(stat)?.[1];
  if (used === undefined) throw new RangeError(`${usage.slice(0, 40)} is no number of bytes`);
  if (inactive === undefined) throw new RangeError(`memory.stat has no ${inactiveName}`);
  const inactiveFileBytes = Number(inactive);
  // One is read after the other; cAdvisor, from which the kubelet has it, bounds it likewise.
  return { workingSetBytes: Math.max(0, Number(used) - inactiveFileBytes), inactiveFileBytes };
}

function noCgroup(message: string, cause?: unknown): SluiceError {
  return new SluiceError(message, { code: 'NO_CGROUP', retryable: false, cause });
}
