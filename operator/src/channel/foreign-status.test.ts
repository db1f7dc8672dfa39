import { expect, test } from '@jest/globals';
import type { Channel } from '@sluice/crds';
import { channelFixture } from '../testing/fixtures.ts';
import { takeForeignStatus } from './foreign-status.ts';
import { stateFixture } from './state.testing.ts';
import type { ChannelState } from './state.ts';

const CHANNEL = channelFixture();

test.each<[string, Partial<ChannelState>, string, boolean]>([
  ['the echo of the last write', {}, '10', false],
  ['a late echo of one before it', {}, '9', false],
  ['what may be the echo of a write that is under way', { isWriting: true }, '11', false],
  ['anything where the own version is not known', { writtenVersion: '' }, '11', false],
  ['that of another Channel of this name', { uid: 'other' }, '11', false],
  ['a later one', {}, '11', true],
])("the status of a Channel is read where it is somebody else's: %s", (_name, known, resourceVersion, expected) => {
  let reads = 0;
  const metadata = { ...CHANNEL.metadata, uid: 'c1', resourceVersion };
  const heard = Object.defineProperty({ ...CHANNEL, metadata }, 'status', {
    get: () => {
      reads += 1;
      return { mode: 'Proxy' };
    },
  }) as Channel;
  const state = stateFixture({ writtenVersion: '10', written: { mode: 'Idle' }, ...known });
  expect(takeForeignStatus(heard, state)).toBe(expected);
  expect([state.written?.mode, reads]).toEqual(expected ? ['Proxy', 1] : ['Idle', 0]);
  if (expected) expect(takeForeignStatus(heard, state)).toBe(false);
});
