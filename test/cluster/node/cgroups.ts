import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Mount, readMounts } from '../process/mounts.ts';

/** Roots of the hierarchies that the kubelet uses: all of cgroup v1 where there is one, else the single v2 root. */
export function cgroupRoots(mounts: readonly Mount[]): string[] {
  const first = mounts.filter((mount) => mount.type === 'cgroup').map((mount) => mount.target);
  return first.length > 0 ? first : mounts.filter((mount) => mount.type === 'cgroup2').map((mount) => mount.target);
}

/**
 * Makes the cgroup that all pods of a node live below. An own one, so that `down` finds every process of every pod
 * without knowing its name.
 * @param path below the hierarchies' roots, e.g. `/sluice-cluster/node-0`
 */
export async function createCgroup(path: string): Promise<void> {
  for (const root of cgroupRoots(await readMounts())) {
    let folder = root;
    for (const part of path.split('/').filter(Boolean)) {
      const parent = folder;
      folder = join(folder, part);
      await mkdir(folder, { recursive: true });
      if (existsSync(join(root, 'cgroup.clone_children')) && existsSync(join(root, 'cpuset.cpus'))) {
        // cgroup v1 starts a cpuset empty and refuses processes until it has both.
        for (const file of ['cpuset.cpus', 'cpuset.mems']) {
          await writeFile(join(folder, file), await readFile(join(parent, file)));
        }
      }
    }
  }
}

/** Kills every process in the cgroup and below, then removes it. Nothing happens if it does not exist. */
export async function removeCgroup(path: string): Promise<void> {
  const roots = (await readMounts()).filter((mount) => mount.type.startsWith('cgroup')).map((mount) => mount.target);
  const folders = roots.map((root) => join(root, path)).filter((folder) => existsSync(folder));
  for (const folder of folders) await killMembers(folder);
  for (const folder of folders) await removeTree(folder);
}

async function killMembers(folder: string): Promise<void> {
  for (const child of await childFolders(folder)) await killMembers(child);
  for (const pid of (await readFile(join(folder, 'cgroup.procs'), 'utf8')).split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

async function removeTree(folder: string): Promise<void> {
  for (const child of await childFolders(folder)) await removeTree(child);
  // A killed process leaves its cgroup only when the kernel has taken it apart: up to a second under load.
  for (let attempt = 0; ; attempt++) {
    try {
      return await rmdir(folder);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || attempt >= 50) throw error;
      await sleep(100);
    }
  }
}

async function childFolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name));
}
