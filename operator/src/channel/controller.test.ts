import { expect, test } from '@jest/globals';
import { channelFixture } from '../testing/fixtures.ts';
import { type ChannelControllerOptions, createChannelReconcile } from './controller.ts';
import { stateFixture } from './state.testing.ts';
import { ChannelStates } from './state.ts';

test('the writer is told of a Channel that is gone, so that it forgets what it keeps of it', async () => {
  const states = new ChannelStates();
  const { metadata } = channelFixture();
  states.set('tv/film', stateFixture({ uid: metadata.uid ?? '' }));
  const asked: [string, number][] = [];
  const reconcile = createChannelReconcile({
    states,
    sources: { channels: new Map(), book: { forget() {} }, reports: { forget() {} } },
    hub: { remove() {} },
    metrics: { forgetChannel() {} },
    write: (key: string, withinSeconds: number) => asked.push([key, withinSeconds]),
  } as unknown as ChannelControllerOptions);
  await reconcile('tv/film', new AbortController().signal);
  await reconcile('tv/film', new AbortController().signal);
  expect(asked).toEqual([['tv/film', 0]]);
});
