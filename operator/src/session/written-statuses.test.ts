import { expect, test } from '@jest/globals';
import { buildSession } from '../channel/build/session.ts';
import { channelFixture } from '../testing/fixtures.ts';
import { WrittenStatuses } from './written-statuses.ts';

const KEY = 'tv/film-1';

function sessionAt(resourceVersion: string, uid = 's1') {
  const session = buildSession(channelFixture(), 'film-1', []);
  return { ...session, metadata: { ...session.metadata, uid, resourceVersion } };
}

test("the status of a session is somebody else's where its version is later than what was read or written last", async () => {
  const statuses = new WrittenStatuses();
  expect(statuses.isForeign(sessionAt('9'))).toBe(false); // nobody has read it yet
  statuses.read(sessionAt('5'));
  const foreign = (...versions: readonly string[]) =>
    versions.filter((version) => statuses.isForeign(sessionAt(version)));
  expect(foreign('4', '5', '6', '10')).toEqual(['6', '10']);
  expect(statuses.isForeign(sessionAt('9', 's2'))).toBe(false);
  const answer = Promise.withResolvers<{ metadata: { name: string; resourceVersion: string } }>();
  const writing = statuses.note(KEY, async (onWritten) => onWritten(await answer.promise));
  expect(foreign('7')).toEqual([]);
  answer.resolve({ metadata: { name: 'film-1', resourceVersion: '7' } });
  await writing;
  expect(foreign('6', '7', '8')).toEqual(['8']);
  await expect(statuses.note(KEY, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(foreign('8')).toEqual(['8']);
  statuses.forget(KEY);
  expect(foreign('8')).toEqual([]);
});
