import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterConfig } from '../config.ts';

type Folders = Pick<ClusterConfig, 'stateDirectory' | 'runDirectory'>;

/** Names the state folder of the cluster whose sockets, mounts and cgroups these are: a machine has room for one. */
const OWNER_FILE = 'state-directory';

/** Says whose the folder of sockets and mounts is; before anything is started. */
export async function claimRunFolder({ stateDirectory, runDirectory }: Folders): Promise<void> {
  await mkdir(runDirectory, { recursive: true });
  await writeFile(join(runDirectory, OWNER_FILE), stateDirectory);
}

/** True if the machine's cluster was started with another state folder that is still there: not ours to stop. */
export function belongsToAnother({ stateDirectory, runDirectory }: Folders): boolean {
  const file = join(runDirectory, OWNER_FILE);
  if (!existsSync(file)) return false;
  const owner = readFileSync(file, 'utf8');
  return owner !== stateDirectory && existsSync(owner);
}

/** True if there is anything to stop or to remove. */
export function hasNodeState(folders: Folders): boolean {
  return existsSync(folders.stateDirectory) || (existsSync(folders.runDirectory) && !belongsToAnother(folders));
}
