import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import type { Command } from '../../../images/edge/integration/ending-with-parent.ts';
import { run } from '../../cluster/process/command.ts';
import { type Charge, createMemoryCgroup } from './memory-cgroup.ts';
import type { Started } from './subject.ts';

/** Node.js to be started as a container's first program: charged for all that it takes. */
export interface ChargedNode {
  readonly command: Command;
  /** Null where there is no cgroup to ask. */
  charge(): Promise<Charge | null>;
}

/**
 * A Node.js with a cgroup and a file of its own. The kernel charges a page of a file to whoever reads it first: of a
 * file that all run, a cgroup would have nothing. So this one is a copy that is in nobody's page cache, as on a node
 * that has just pulled the image.
 * @param root the repository's: the copy lies in its `dist/`, since a temporary folder may be memory itself
 * @param onMissing told why, where there can be no cgroup; then it is this process's own Node.js
 */
export async function startChargedNode(
  root: string,
  started: Started,
  name: string,
  onMissing: (why: string) => void,
): Promise<ChargedNode> {
  try {
    const cgroup = started.add(await createMemoryCgroup(`sluice-bench-${name}-${process.pid}`), (it) => it.remove());
    const folder = started.add(await mkdtemp(join(root, 'dist', 'node-')), (it) => rm(it, { recursive: true }));
    const copy = join(folder, 'node');
    await copyFile(process.execPath, copy);
    // GNU's dd: writes what is dirty, and asks the kernel to drop the file's pages (posix_fadvise).
    await run('dd', [`of=${copy}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none']);
    return { command: [...cgroup.words, copy], charge: cgroup.charge };
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'NO_CGROUP') throw error;
    onMissing(`NO CGROUP: ${messageOf(error)}; what is resident is judged instead, which is more`);
    return { command: [process.execPath], charge: async () => null };
  }
}
