import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';

/** Stored segments of one channel, below its folder; names are `s/...` as playlists have them. */
export interface ChannelFiles {
  /**
   * Stores bytes under a name, whole or not at all. Throws STORAGE_FULL where the volume has no room, STORAGE_FAILED
   * for other errors of the file system; both are retryable and leave no half file.
   */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Throws SEGMENT_UNKNOWN (404) where there is no such file. */
  read(name: string): Promise<Uint8Array>;
  has(name: string): boolean;
  /** Path and size of a stored file; null where there is none. */
  find(name: string): { readonly path: string; readonly bytes: number } | null;
  /** Names of all stored files. */
  names(): readonly string[];
  remove(name: string): Promise<void>;
  /** Removes everything, folders included. */
  clear(): Promise<void>;
  /** Stored bytes. */
  bytes(): number;
}

/** No room, or the quota is used up. */
const FULL = new Set(['ENOSPC', 'EDQUOT']);

function storageError(error: unknown): SluiceError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return FULL.has(code)
    ? new SluiceError('The media volume is full: enlarge it, or lower the number of channels on this edge', {
        code: 'STORAGE_FULL',
        retryable: true,
        status: 503,
        cause: error,
      })
    : new SluiceError(`A segment cannot be stored (${code || 'unknown error'})`, {
        code: 'STORAGE_FAILED',
        retryable: true,
        status: 503,
        cause: error,
      });
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
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

async function scan(folder: string, sizes: Map<string, number>): Promise<void> {
  const entries = await readdir(join(folder, 's'), { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    if (entry.name.endsWith('.tmp')) await rm(path, { force: true });
    else sizes.set(path.slice(folder.length + 1), (await stat(path)).size);
  }
}

/** Opens a channel's folder and learns what an earlier run left in it; half files of a crash are removed. */
export async function openChannelFiles(folder: string): Promise<ChannelFiles> {
  const sizes = new Map<string, number>();
  await scan(folder, sizes);
  return {
    write: async (name, bytes) => {
      try {
        await writeWhole(join(folder, name), bytes);
      } catch (error) {
        throw storageError(error);
      }
      sizes.set(name, bytes.length);
    },
    read: async (name) => {
      try {
        return await readFile(join(folder, name));
      } catch (error) {
        throw new SluiceError(`There is no segment ${name}`, {
          code: 'SEGMENT_UNKNOWN',
          retryable: false,
          status: 404,
          cause: error,
        });
      }
    },
    has: (name) => sizes.has(name),
    find: (name) => {
      const bytes = sizes.get(name);
      return bytes === undefined ? null : { path: join(folder, name), bytes };
    },
    names: () => [...sizes.keys()],
    remove: async (name) => {
      sizes.delete(name);
      await rm(join(folder, name), { force: true });
    },
    clear: async () => {
      sizes.clear();
      await rm(join(folder, 's'), { recursive: true, force: true });
    },
    bytes: () => [...sizes.values()].reduce((sum, size) => sum + size, 0),
  };
}
