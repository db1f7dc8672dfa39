import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { PID_FILE, watchNginxStart } from './start-watch.ts';

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
    const later = Date.now() / 1000 + 60;
    void writeFile(file, '8').then(() => utimes(file, later, later));
  });
  expect(starts).toBe(1);
  end();
  await rm(folder, { recursive: true });
});
