import { createHash } from 'node:crypto';
import { glob, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { contextSources } from './dockerfile.ts';

/**
 * Twelve hexadecimal digits that change when the Dockerfile, one of the files that it copies, a file's executable bit
 * or the base images do.
 * @param repositoryRoot absolute path of the build context
 * @param dockerfile path relative to it
 * @param base key of the base images; empty where a registry brings them
 * @throws SluiceError `IMAGE_SOURCE_MISSING` naming the path
 */
export async function contentHash(repositoryRoot: string, dockerfile: string, base: string): Promise<string> {
  const text = await readFile(join(repositoryRoot, dockerfile), 'utf8').catch((cause) => {
    throw sourceMissing(dockerfile, dockerfile, cause);
  });
  const hash = createHash('sha256').update(base).update('\0').update(text);
  for (const source of contextSources(text)) {
    const files = await filesOf(repositoryRoot, source);
    if (files.length === 0) throw sourceMissing(source, dockerfile);
    for (const file of files) {
      const path = join(repositoryRoot, file);
      const executable = ((await stat(path)).mode & 0o111) !== 0;
      hash.update(`\0${file}\0${executable}\0`).update(await readFile(path));
    }
  }
  return hash.digest('hex').slice(0, 12);
}

/** Files named by a path, a folder (all below it) or a pattern, sorted. */
async function filesOf(root: string, source: string): Promise<readonly string[]> {
  const pattern = source.replace(/^\/+|\/+$/g, '');
  const files: string[] = [];
  for await (const entry of glob([pattern, `${pattern}/**`], { cwd: root, withFileTypes: true })) {
    if (entry.isFile()) files.push(join(entry.parentPath, entry.name).slice(root.length + 1));
  }
  return [...new Set(files)].sort();
}

function sourceMissing(path: string, dockerfile: string, cause?: unknown): SluiceError {
  const message = `${path} is missing, which the image of ${dockerfile} needs; bundles are made by: npm run build`;
  return new SluiceError(message, { code: 'IMAGE_SOURCE_MISSING', retryable: false, cause });
}
