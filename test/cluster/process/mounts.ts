import { readFile } from 'node:fs/promises';
import { run, succeeds } from './command.ts';

/** A line of /proc/self/mountinfo. */
export interface Mount {
  readonly target: string;
  /** File system type, e.g. `overlay`, `tmpfs`, `cgroup2`. */
  readonly type: string;
  /** Options of the super block; for cgroup v1 they name the controllers. */
  readonly options: readonly string[];
}

/** Parses /proc/self/mountinfo (man 5 proc); spaces in paths are written as octal escapes there. */
export function parseMounts(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const [left, right] = line.split(' - ');
    const target = left?.split(' ')[4];
    const [type, , options] = right?.split(' ') ?? [];
    if (target === undefined || type === undefined) continue;
    mounts.push({
      target: target.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
      type,
      options: options?.split(',') ?? [],
    });
  }
  return mounts;
}

/** Mount points below (or at) one of the folders, the last mounted first, so that each can be unmounted in turn. */
export function mountsBelow(mounts: readonly Mount[], folders: readonly string[]): string[] {
  return mounts
    .map((mount) => mount.target)
    .filter((target) => folders.some((folder) => target === folder || target.startsWith(`${folder}/`)))
    .reverse();
}

/** Mounts that this process sees, in the kernel's order (proc_pid_mountinfo(5)). */
export async function readMounts(): Promise<Mount[]> {
  return parseMounts(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** Unmounts everything below the folders; a mount that is still busy is detached. */
export async function unmountBelow(folders: readonly string[]): Promise<void> {
  for (const target of mountsBelow(await readMounts(), folders)) {
    if (!(await succeeds('umount', [target]))) await run('umount', ['--lazy', target]);
  }
}
