import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { PlaylistFolder } from './folder.ts';

describe('the folder of playlists', () => {
  let run: string;
  let now: number;
  let folder: PlaylistFolder;

  beforeEach(async () => {
    run = await mkdtemp(join(tmpdir(), 'sluice-playlists-'));
    now = 1_700_000_005_000;
    folder = new PlaylistFolder(run, () => now);
    await folder.open();
  });
  afterEach(() => rm(run, { recursive: true }));

  const periods = async () => (await readdir(join(run, 'playlists'))).filter((name) => name !== 'files').sort();
  const textOf = (period: number, name: string) =>
    readFile(join(run, `playlists/${period}/live/${name}.m3u8`), 'utf8').catch((error) => error.code);

  test('shows a playlist in the present ten seconds and in the next', async () => {
    await folder.write('tv/news/source', 'one');
    await folder.write('tv/news/source', 'two');
    expect(await textOf(170_000_000, 'tv/news/source')).toBe('two');
    expect(await textOf(170_000_001, 'tv/news/source')).toBe('two');
    expect(await textOf(170_000_002, 'tv/news/source')).toBe('ENOENT');
  });

  test('goes on showing them as long as it is kept alive, and forgets the past', async () => {
    await folder.write('tv/news/source', 'one');
    now += 10_000;
    await folder.keepAlive();
    expect(await periods()).toEqual(['170000001', '170000002']);
    now -= 10_000;
    await folder.keepAlive();
    expect(await periods()).toEqual(['170000000', '170000001']);
    now += 3_600_000;
    await folder.keepAlive();
    expect(await periods()).toEqual(['170000360', '170000361']);
    expect(await textOf(170_000_360, 'tv/news/source')).toBe('one');
  });

  test('removes a playlist, and the folder of its channel with the last one', async () => {
    await folder.write('tv/news/source', 'one');
    await folder.write('tv/news/360p', 'two');
    await folder.remove('tv/news/source');
    expect(await textOf(170_000_000, 'tv/news/source')).toBe('ENOENT');
    expect(await textOf(170_000_000, 'tv/news/360p')).toBe('two');
    await folder.remove('tv/news/360p');
    await folder.remove('tv/news/360p');
    expect(await readdir(join(run, 'playlists/files/live/tv'))).toEqual([]);
  });

  test('begins without what an earlier run has left', async () => {
    await folder.write('tv/news/source', 'one');
    await mkdir(join(run, 'playlists/169999999'));
    await new PlaylistFolder(run, () => now).open();
    expect(await textOf(170_000_000, 'tv/news/source')).toBe('ENOENT');
    expect(await periods()).toEqual(['170000000', '170000001']);
  });

  test('shows nothing any more once it is closed', async () => {
    await folder.close();
    now += 10_000;
    await folder.keepAlive();
    expect(await periods()).toEqual([]);
  });
});
