import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readConfig } from '../config.ts';
import { createProgress } from '../progress.ts';
import { belongsToAnother, claimRunFolder, hasNodeState } from './run-folder.ts';
import { stopNodeCluster } from './stop.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-run-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Folders of a cluster whose state lies in `name`; all share the machine's one run folder. */
function foldersOf(name: string) {
  return { stateDirectory: join(folder, name), runDirectory: join(folder, 'run') };
}

test('a machine where nothing was started has nothing to stop', () => {
  expect(hasNodeState(foldersOf('mine'))).toBe(false);
});

test('a cluster is stopped by the state folder that it was started with, and by no other', async () => {
  const [mine, other] = [foldersOf('mine'), foldersOf('other')];
  mkdirSync(mine.stateDirectory);
  await claimRunFolder(mine);
  expect([hasNodeState(mine), belongsToAnother(mine)]).toEqual([true, false]);
  expect([hasNodeState(other), belongsToAnother(other)]).toEqual([false, true]);
});

test('what a cluster has left whose state folder is gone is anybody’s to remove', async () => {
  await claimRunFolder(foldersOf('mine'));
  const other = foldersOf('other');
  expect([hasNodeState(other), belongsToAnother(other)]).toEqual([true, false]);
});

test('a start that was refused because of another cluster removes only its own files', async () => {
  const [mine, other] = [foldersOf('mine'), foldersOf('other')];
  for (const { stateDirectory } of [mine, other]) mkdirSync(stateDirectory);
  await claimRunFolder(mine);
  await stopNodeCluster(
    { ...readConfig({ SLUICE_CACHE: folder }), ...other },
    createProgress(() => {}),
  );
  expect([mine.stateDirectory, mine.runDirectory, other.stateDirectory].map(existsSync)).toEqual([true, true, false]);
});
