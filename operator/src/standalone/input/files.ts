import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';

/** What tells one state of a file from the next, without reading it. */
export interface FileState {
  readonly path: string;
  readonly fingerprint: string;
}

/** Large enough for hundreds of objects; a file above this is no configuration. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;
const YAML_FILE = /^[^.].*\.(yaml|yml|json)$/;

/**
 * The files of an input, sorted by name: the file itself, or the YAML and JSON files right in a folder, except hidden
 * ones.
 * @throws SluiceError `INPUT_UNREADABLE`
 */
export async function listFiles(input: string): Promise<readonly FileState[]> {
  try {
    const isFolder = (await stat(input)).isDirectory();
    const names = isFolder ? (await readdir(input)).filter((name) => YAML_FILE.test(name)).sort() : [''];
    const states = await Promise.all(names.map((name) => stateOf(join(input, name))));
    return states.filter((state) => state !== null);
  } catch (cause) {
    throw new SluiceError(`${input} cannot be read: name a YAML file, or a folder with such files`, {
      code: 'INPUT_UNREADABLE',
      retryable: true,
      cause,
    });
  }
}

/** The text of a file. @throws Error with a message that says what to do */
export async function readText(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > FILE_BYTES_MAX) throw new Error(`more than ${FILE_BYTES_MAX} bytes: split the file`);
  const bytes = await readFile(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('not UTF-8: save the file as UTF-8');
  }
}

/** null for what is no file, or gone meanwhile. */
async function stateOf(path: string): Promise<FileState | null> {
  const file = await stat(path).catch(() => null);
  return file?.isFile() ? { path, fingerprint: `${file.ino}/${file.size}/${file.mtimeMs}` } : null;
}
