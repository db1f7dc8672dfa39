import { beforeEach, describe, expect, test } from '@jest/globals';
import { createLogger } from '@sluice/common/log/log.ts';
import { PlaylistFiles } from './files.ts';

describe('files of playlists', () => {
  let done: string[];
  let fails: (what: string) => boolean;
  let files: PlaylistFiles;

  const step = async (what: string): Promise<void> => {
    await Promise.resolve();
    done.push(what);
    if (fails(what)) throw new Error('ENOSPC');
  };

  beforeEach(() => {
    done = [];
    fails = () => false;
    const folder = {
      write: (name: string, text: string) => step(`${name} is ${text}`),
      remove: (name: string) => step(`${name} goes`),
      close: () => step('all go'),
    };
    files = new PlaylistFiles(folder, createLogger({ name: 'test', level: 'silent' }));
  });

  test('are written one after the other, and only the newest of what waits', async () => {
    for (const text of ['one', 'two', 'three']) files.put('a', text);
    files.put('b', 'four');
    await files.settled();
    expect(done).toEqual(['a is one', 'b is four', 'a is three']);
    files.put('a', null);
    await files.settled();
    expect(done.at(-1)).toBe('a goes');
  });

  test('are removed where they cannot be written, and go on with the next text', async () => {
    fails = (what) => what.endsWith('one');
    files.put('a', 'one');
    await files.settled();
    files.put('a', 'two');
    await files.settled();
    expect(done).toEqual(['a is one', 'a goes', 'a is two']);
  });

  test.each([0, 1, 2, 3])('are what is put while the one before ends, %i steps later', async (steps) => {
    const log = createLogger({ name: 'test', level: 'silent' });
    const after = (left: number, action: () => void): void =>
      queueMicrotask(() => (left === 0 ? action() : after(left - 1, action)));
    const write = (): Promise<void> => {
      after(steps, () => ending.put('a', null));
      return step('a is there');
    };
    const ending = new PlaylistFiles({ write, remove: () => step('a goes'), close: () => step('all go') }, log);
    ending.put('a', 'one');
    await new Promise(setImmediate);
    expect(done).toEqual(['a is there', 'a goes']);
  });

  test('are told of once where many cannot be written, and again after one could', async () => {
    const told: unknown[] = [];
    const stream = { write: (line: string) => void told.push(JSON.parse(line).playlist) };
    const folder = { write: (name: string) => step(name), remove: async () => {}, close: async () => {} };
    const many = new PlaylistFiles(folder, createLogger({ name: 'test', level: 'warn' }, stream));
    for (const [name, isFull] of [
      ['a', true],
      ['b', true],
      ['c', false],
      ['d', true],
    ] as const) {
      fails = () => isFull;
      many.put(name, 'one');
      await many.settled();
    }
    expect(told).toEqual(['a', 'd']);
  });

  test('end nothing where they cannot even be hidden', async () => {
    fails = () => true;
    files.put('a', 'one');
    await expect(files.settled()).resolves.toBeUndefined();
    expect(done).toEqual(['a is one', 'a goes', 'all go']);
  });

  test('are all hidden where one cannot be removed', async () => {
    fails = (what) => what.startsWith('a ');
    files.put('a', 'one');
    await files.settled();
    expect(done).toEqual(['a is one', 'a goes', 'all go']);
  });
});
