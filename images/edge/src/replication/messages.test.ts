import { expect, test } from '@jest/globals';
import { emptyLog, longerLog } from '../testing/log.ts';
import { applyUpdate, positionOf, updateSince } from '../timeline/replica.ts';
import { type OwnerMessage, ownerMessageSchema, readMessage } from './messages.ts';

/** An update as an owner of a later version may send it: every object has fields that this version does not know. */
function laterUpdate(log = longerLog(longerLog(emptyLog()))): { readonly text: string; readonly log: typeof log } {
  const { after, head, entries } = updateSince(log, null);
  const added = { 'x-later': { deep: [1, 2, 3] }, __proto__: undefined, constructor: 'no function' };
  const update = {
    ...{ type: 'update', uid: 'film', term: 1, ready: true, ...added },
    log: {
      ...{ after, ...added, known: [{ msn: 1, mark: 'a1.ts', ...added }] },
      head: { ...head, ...added },
      entries: entries.map((entry) => ({ ...entry, ...added })),
    },
  };
  return { text: JSON.stringify(update), log };
}

test('a follower of an older version drops fields that it does not know, and follows all the same', () => {
  const { text, log } = laterUpdate();
  const read = readMessage<OwnerMessage>(ownerMessageSchema, text);
  if (read?.type !== 'update' || read.log === null) throw new Error('the update was refused');
  expect(JSON.stringify(read)).not.toContain('x-later');
  const applied = applyUpdate(null, read.log);
  if (applied.kind !== 'applied') throw new Error(applied.kind);
  expect(applied.log.entries).toEqual(log.entries);
  // What it has is told by position: the owner goes on from there.
  expect(updateSince(log, positionOf(applied.log))).toMatchObject({ after: expect.any(Number), entries: [] });
});
