import { randomUUID } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A file of a folder as an earlier run has left it. */
export interface FoundFile {
  /** Path below the folder, `s/...`. */
  readonly name: string;
  readonly bytes: number;
  /** ms since the epoch. */
  readonly storedAt: number;
}

/** Only a folder that is not there is empty: one that cannot be read now may hold what playlists name. */
async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  return readdir(folder, { recursive: true, withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}

/** The files below `s` of a channel's folder; half files of a crash are removed. Throws the file system's errors. */
export async function scanFolder(folder: string): Promise<readonly FoundFile[]> {
  const found: FoundFile[] = [];
  for (const entry of await entriesOf(join(folder, 's'))) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    if (entry.name.endsWith('.tmp')) {
      await rm(path, { force: true });
      continue;
    }
    const { size, mtimeMs } = await stat(path);
    found.push({ name: path.slice(folder.length + 1), bytes: size, storedAt: mtimeMs });
  }
  return found;
}

/** Writes a file whole or not at all (temporary file, then rename). Throws the file system's errors. */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  // A name of its own: a write that its channel has given up may still run beside the one that follows it.
  const temporary = `${path}.${randomUUID()}.tmp`;
  await mkdir(dirname(path), { recursive: true });
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
