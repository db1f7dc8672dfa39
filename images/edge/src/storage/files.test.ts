import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { testVolume } from '../testing/volume.ts';
import { loadTimeline, saveTimeline } from '../timeline/store.ts';

const KEY = 'default/film';

describe('stored segments', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-files-'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  test('are written whole, counted, read and removed', async () => {
    const files = await testVolume().open(KEY, folder);
    await files.write('s/a.1/source/1.0.ts', Buffer.from('abc'));
    await files.write('s/a.1/source/2.0.ts', Buffer.from('de'));
    expect(files.bytes()).toBe(5);
    expect(Buffer.from(await files.read('s/a.1/source/1.0.ts')).toString()).toBe('abc');
    await files.remove('s/a.1/source/1.0.ts');
    expect(files.names()).toEqual(['s/a.1/source/2.0.ts']);
    await expect(files.read('s/a.1/source/1.0.ts')).rejects.toMatchObject({ code: 'SEGMENT_UNKNOWN', status: 404 });
    await files.clear();
    expect(await readdir(folder)).toEqual([]);
  });

  test('are known again after a restart, without the half ones of a crash', async () => {
    await mkdir(join(folder, 's/a.1/source'), { recursive: true });
    await writeFile(join(folder, 's/a.1/source/1.0.ts'), 'abc');
    await writeFile(join(folder, 's/a.1/source/2.0.ts.tmp'), 'ab');
    const files = await testVolume().open(KEY, folder);
    expect(files.names()).toEqual(['s/a.1/source/1.0.ts']);
    expect(await readdir(join(folder, 's/a.1/source'))).toEqual(['1.0.ts']);
  });

  test('leave no half file where they cannot be stored', async () => {
    const files = await testVolume().open(KEY, folder);
    await mkdir(join(folder, 's/a.1/source/1.0.ts'), { recursive: true });
    await expect(files.write('s/a.1/source/1.0.ts', Buffer.from('abc'))).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      retryable: true,
    });
    expect(await readdir(join(folder, 's/a.1/source'))).toEqual(['1.0.ts']);
    expect(files.has('s/a.1/source/1.0.ts')).toBe(false);
  });
});

describe('a stored timeline', () => {
  test.each(['', '{', '{"version":2}', '{"version":1,"uid":"u","sourceUri":"x","log":{},"known":[]}'])(
    'that is %j is as good as none',
    async (text) => {
      const folder = await mkdtemp(join(tmpdir(), 'sluice-timeline-'));
      await writeFile(join(folder, 'u.json'), text);
      expect(await loadTimeline(join(folder, 'u.json'))).toBeNull();
      await rm(folder, { recursive: true });
    },
  );

  test('comes back as it was', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-timeline-'));
    const path = join(folder, 'deep', 'u.json');
    const state = {
      version: 1 as const,
      uid: 'u',
      sourceUri: 'http://s/',
      savedAt: 1_700_000_000_000,
      known: [{ msn: 4, mark: 'a4.ts' }],
      log: {
        epoch: 2,
        targetDurationSeconds: 2,
        discontinuityBase: 0,
        firstListedMsn: 4,
        msnOffset: -3,
        discontinuityOffset: 1,
        rungs: ['source'],
        entries: [
          {
            msn: 4,
            epoch: 2,
            durationSeconds: 2,
            dateTime: null,
            discontinuity: true,
            gap: false,
            map: null,
            names: { source: 's/u.2/source/4.0.ts' },
          },
        ],
      },
    };
    await saveTimeline(path, state);
    expect(await loadTimeline(path)).toEqual(state);
    await rm(folder, { recursive: true });
  });
});
