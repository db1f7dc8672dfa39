import { expect, test } from '@jest/globals';
import { TranscodeSession } from './transcode.ts';

const session = (): TranscodeSession =>
  new TranscodeSession({ name: 'film-1', uid: 'session-uid', tokenSha256: '', rungs: ['360p'] });

test('one upload at a time of each rung of a segment is stored, and none where it is stored already', () => {
  const one = session();
  one.called(1, 0);
  expect(one.claim(1, 7, '360p')).toBe(true);
  expect(one.claim(1, 7, '360p')).toBe(false);
  one.unclaim(1, 7, '360p');
  expect(one.claim(1, 7, '360p')).toBe(true);
  one.unclaim(1, 7, '360p');
  one.stored(7, '360p');
  expect(one.claim(1, 7, '360p')).toBe(false);
});

test('an upload that a pod had under way when the next one came does not keep that one from storing its own', () => {
  const one = session();
  one.called(1, 0);
  one.called(2, 0);
  expect(one.claim(1, 7, '360p', 's/a.1/360p/00.mp4')).toBe(false);
  one.unclaim(1, 7, '360p');
  expect(one.sections).toEqual([]);
  expect(one.claim(2, 7, '360p')).toBe(true);
});
