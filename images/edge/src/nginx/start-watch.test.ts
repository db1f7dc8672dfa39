import { mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { PID_FILE, watchNginxStart } from './start-watch.ts';

/** Writes the file of a start in a minute, in one step: a look in between would see one of now. */
async function startLater(file: string): Promise<void> {
  const later = Date.now() / 1000 + 60;
  await writeFile(`${file}.new`, '8');
  await utimes(`${file}.new`, later, later);
  await rename(`${file}.new`, file);
}

test('a start of nginx is seen, once; one from before is not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edge-'));
  const file = join(folder, PID_FILE);
  await writeFile(file, '7');
  await utimes(file, 1, 1);
  let starts = 0;
  let end = (): void => {};
  await new Promise<void>((resolve) => {
    end = watchNginxStart(
      folder,
      () => {
        starts += 1;
        resolve();
      },
      1,
    );
    void startLater(file);
  });
  expect(starts).toBe(1);
  end();
  await rm(folder, { recursive: true });
});
