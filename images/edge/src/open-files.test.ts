import { describe, expect, test } from '@jest/globals';
import { parseOpenFilesLimit } from './open-files.ts';

const HEAD = 'Limit                     Soft Limit           Hard Limit           Units     \n';

describe('parseOpenFilesLimit', () => {
  test.each([
    [
      'the hard one of two limits',
      'Max open files            1024                 524288               files     ',
      524_288,
    ],
    [
      'none where it is unlimited',
      'Max open files            1024                 unlimited            files     ',
      null,
    ],
    [
      'none where nothing is said',
      'Max processes             96365                96365                processes ',
      null,
    ],
  ])('finds %s', (_, line, expected) => {
    expect(parseOpenFilesLimit(`${HEAD}${line}\nMax locked memory         8388608  8388608  bytes\n`)).toBe(expected);
  });
});
