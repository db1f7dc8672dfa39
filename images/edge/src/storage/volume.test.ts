import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLogger } from '@sluice/common/log/log.ts';
import { testVolume } from '../testing/volume.ts';
import type { ChannelFiles } from './files.ts';
import { writeWhole } from './folder.ts';
import type { Standing } from './room.ts';
import { type DeletionReason, MediaVolume, type Refusal } from './volume.ts';

const BLOCK = 4096;
const name = (msn: number): string => `s/a.1/source/${msn}.0.ts`;
const blocks = (count: number): Uint8Array => new Uint8Array(count * BLOCK);

describe('the media volume', () => {
  let root: string;
  let now: number;
  let volume: MediaVolume;
  let deleted: (readonly [DeletionReason, number])[];
  let refused: Refusal[];

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sluice-volume-'));
    now = 1_000;
    use(10);
  });

  afterEach(() => rm(root, { recursive: true }));

  function use(limitBlocks: number): void {
    deleted = [];
    refused = [];
    volume = testVolume(limitBlocks * BLOCK, () => now);
    volume.observe({
      deleted: (why, files) => void deleted.push([why, files]),
      refused: (why) => void refused.push(why),
    });
  }

  /** The files of a channel, all of one standing unless said otherwise, the first ones stored first. */
  async function channel(key: string, standing: Standing, stored: readonly number[] = []) {
    const files = await volume.open(key, join(root, key));
    files.rank(() => standing);
    for (const msn of stored) {
      now += 1;
      await files.write(name(msn), blocks(1));
    }
    return files;
  }

  test('counts whole blocks of all channels, and what an earlier run has left', async () => {
    const film = await channel('default/film', 'kept', [1, 2]);
    await film.write(name(3), Buffer.from('abc'));
    expect([film.bytes(), volume.bytes]).toEqual([2 * BLOCK + 3, 3 * BLOCK]);
    use(10);
    await channel('default/film', 'kept');
    await channel('default/news', 'kept', [1]);
    expect([...volume.channels()]).toEqual([
      ['default/film', 3 * BLOCK],
      ['default/news', BLOCK],
    ]);
    expect(volume.bytes).toBe(4 * BLOCK);
  });

  test('deletes in the stated order, and refuses what it cannot make room for without deleting anything', async () => {
    const film = await channel('default/film', 'kept', [1, 2]);
    const news = await channel('default/news', 'unwatched', [1, 2]);
    const sport = await channel('default/sport', 'retired', [1, 2, 3, 4, 5, 6]);
    await film.write(name(3), blocks(1));
    expect(news.names()).toEqual([]);
    await sport.write(name(7), blocks(1));
    expect(sport.names()).toEqual([3, 4, 5, 6, 7].map(name));
    expect(deleted.map(([why]) => why)).toEqual(['unwatched', 'unwatched', 'retired', 'retired']);
    const before = volume.bytes;
    await expect(film.write(name(9), blocks(9))).rejects.toMatchObject({ code: 'STORAGE_FULL', status: 503 });
    expect([volume.bytes, refused]).toEqual([before, ['share']]);
    expect(film.has(name(9))).toBe(false);
  });

  test('does not let a big channel push out the others, however fast it grows', async () => {
    use(100);
    const small = await channel('default/small', 'copy', [1, 2, 3, 4, 5]);
    const big = await channel('default/big', 'kept');
    let stored = 0;
    for (let msn = 1; msn <= 30; msn += 1) {
      await big.write(name(msn), blocks(4)).then(
        () => {
          stored += 1;
        },
        () => undefined,
      );
    }
    expect(stored).toBe(21);
    expect(new Set(refused)).toEqual(new Set(['share']));
    for (let msn = 6; msn <= 15; msn += 1) await small.write(name(msn), blocks(1));
    expect(small.names()).toHaveLength(15);
    expect(deleted).toEqual([]);
  });

  test('holds room for what is being written at the same time', async () => {
    const film = await channel('default/film', 'kept');
    const writes = await Promise.allSettled([1, 2, 3].map((msn) => film.write(name(msn), blocks(4))));
    expect(writes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(volume.bytes).toBe(8 * BLOCK);
  });

  test('tells of files whose time is over and of channels that nobody watches', async () => {
    const film = await channel('default/film', 'kept', [1, 2, 3]);
    await film.remove(name(1));
    await film.remove(name(1));
    await film.clear();
    volume.forget('default/film');
    expect(deleted).toEqual([
      ['expired', 1],
      ['forgotten', 2],
    ]);
    expect([...volume.channels()]).toEqual([]);
  });

  test('does not delete in the new folder of a channel what the old one counted for nothing', async () => {
    await channel('default/film', 'expired', [1, 2, 3]);
    const news = await channel('default/news', 'kept', [1, 2]);
    const [opened] = await Promise.all([
      volume.open('default/film', join(root, 'default/film')),
      news.write(name(3), blocks(6)).catch(() => undefined),
    ]);
    for (const stored of opened.names()) await expect(opened.read(stored)).resolves.toHaveLength(BLOCK);
    expect(opened.names()).toHaveLength(3);
  });

  test('says of a folder that cannot be read that it cannot, and not that it is empty', async () => {
    await mkdir(join(root, 'default/film'), { recursive: true });
    await writeFile(join(root, 'default/film/s'), 'no folder');
    await expect(volume.open('default/film', join(root, 'default/film'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});

describe('a file that is written while another of its name goes', () => {
  let root: string;
  let files: ChannelFiles;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sluice-again-'));
    const logger = createLogger({ name: 'test', level: 'silent' });
    // At once: a slow deletion would come behind it.
    const writeFile = async (path: string, bytes: Uint8Array): Promise<void> => {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
    };
    files = await new MediaVolume({ limitBytes: 100 * BLOCK, now: Date.now, logger, writeFile }).open('film', root);
    await files.write(name(1), blocks(1));
  });

  afterEach(() => rm(root, { recursive: true }));

  test.each([
    ['alone', () => files.remove(name(1))],
    ['with all files', () => files.clear()],
  ])('%s stays', async (_how, remove) => {
    await Promise.all([remove(), files.write(name(1), blocks(2))]);
    expect(files.has(name(1))).toBe(true);
    await expect(files.read(name(1))).resolves.toHaveLength(2 * BLOCK);
  });
});

describe('a file system that has less room than the limit', () => {
  let now: number;
  let root: string;
  /** Blocks that the file system has, for all files below `root`. */
  let capacity: number;
  let volume: MediaVolume;
  let refused: Refusal[];
  let deleted: DeletionReason[];

  /** Refuses as the kernel does, by its own count. */
  async function writeFile(path: string, bytes: Uint8Array): Promise<void> {
    if (volume.bytes > capacity * BLOCK) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    await writeWhole(path, bytes);
  }

  beforeEach(async () => {
    now = 0;
    capacity = 3;
    root = await mkdtemp(join(tmpdir(), 'sluice-kernel-'));
    const logger = createLogger({ name: 'test', level: 'silent' });
    volume = new MediaVolume({ limitBytes: 100 * BLOCK, now: () => now, logger, writeFile });
    refused = [];
    deleted = [];
    volume.observe({ deleted: (why) => void deleted.push(why), refused: (why) => void refused.push(why) });
  });

  afterEach(() => rm(root, { recursive: true }));

  test('is taken at its word: room is made as for the limit, and the file is stored', async () => {
    const files = await volume.open('default/film', root);
    files.rank(() => 'copy');
    for (const msn of [1, 2, 3, 4]) {
      now += 1;
      await files.write(name(msn), blocks(1));
    }
    expect(files.names()).toContain(name(4));
    expect(files.names()).not.toContain(name(1));
    expect(new Set(deleted)).toEqual(new Set(['copy']));
    expect(refused).toEqual([]);
    for (const msn of [5, 6, 7]) await files.write(name(msn), blocks(1));
    expect(volume.bytes).toBeLessThanOrEqual(capacity * BLOCK);
  });

  test('refuses what nothing may go for, without asking the file system again, and has room again half a minute later', async () => {
    const files = await volume.open('default/film', root);
    for (const msn of [1, 2, 3]) await files.write(name(msn), blocks(1));
    for (const msn of [4, 5]) {
      await expect(files.write(name(msn), blocks(1))).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    }
    expect([refused, deleted, files.names().length]).toEqual([['volume', 'volume'], [], 3]);
    capacity = 10;
    await expect(files.write(name(6), blocks(1))).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    now += 30_000;
    await files.write(name(6), blocks(1));
    expect(files.has(name(6))).toBe(true);
  });
});
