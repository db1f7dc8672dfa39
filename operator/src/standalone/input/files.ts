import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';

/** What tells one state of a file from the next, without reading it. */
export interface FileState {
  readonly path: string;
  readonly fingerprint: string;
}

/** Large enough for hundreds of objects; a file above this is no configuration. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;
const FILES_MAX = 1000;
const EXTENSIONS = ['.yaml', '.yml', '.json'];

/**
 * The files of an input, sorted by name: the file itself, or the YAML and JSON files right in a folder, except hidden
 * ones.
 * @throws SluiceError `INPUT_UNREADABLE`
 */
export async function listFiles(input: string): Promise<readonly FileState[]> {
  try {
    if (!(await stat(input)).isDirectory()) return [await stateOf(input)];
    const names = (await readdir(input)).filter(
      (name) => !name.startsWith('.') && EXTENSIONS.some((end) => name.endsWith(end)),
    );
    if (names.length > FILES_MAX)
      throw new Error(`more than ${FILES_MAX} files: put Channels together, with --- between them`);
    const states = await Promise.all(names.sort().map((name) => stateOf(join(input, name)).catch(() => null)));
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
  if (size > FILE_BYTES_MAX) throw new Error(`${basename(path)} has more than ${FILE_BYTES_MAX} bytes: split it`);
  const bytes = await readFile(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('not UTF-8: save the file as UTF-8');
  }
}

async function stateOf(path: string): Promise<FileState> {
  const link = await lstat(path);
  const file = link.isSymbolicLink() ? await stat(path) : link;
  if (!file.isFile()) throw new Error(`${path} is no file`);
  return { path, fingerprint: `${file.ino}/${file.size}/${file.mtimeMs}` };
}
