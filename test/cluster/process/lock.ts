import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, ownIdentity, type ProcessIdentity } from './supervise.ts';

/**
 * Runs `work` while no other process holds the lock of that name. A lock whose holder has died is taken over.
 * @param onWait called once if somebody else holds it
 */
export async function withLock<T>(
  folder: string,
  name: string,
  onWait: (holder: number) => void,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${name}.lock`);
  let told = false;
  while (!(await tryLock(path))) {
    const holder = await readHolder(path);
    if (holder === null || !isRunning(holder)) {
      await rm(path, { force: true });
      continue;
    }
    if (!told) onWait(holder.pid);
    told = true;
    await sleep(500);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function tryLock(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(JSON.stringify(ownIdentity()));
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function readHolder(path: string): Promise<ProcessIdentity | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as ProcessIdentity;
  } catch {
    // Just released, or its holder died between creating and writing it.
    await sleep(100);
    return readFile(path, 'utf8')
      .then(JSON.parse, () => null)
      .catch(() => null);
  }
}
