import { channelFixture } from '../testing/fixtures.ts';
import { remember } from './memory.ts';
import type { ChannelState } from './state.ts';

/** What the controller keeps of the idle channel `tv/film`, whose status was not written yet; for tests. */
export function stateFixture(changes: Partial<ChannelState> = {}): ChannelState {
  return {
    uid: 'c1',
    namespace: 'tv',
    name: 'film',
    memory: remember(channelFixture(), 0),
    wanted: { mode: 'Idle', desiredMode: 'Idle' },
    written: undefined,
    writtenVersion: '',
    isWriting: false,
    writtenMs: 0,
    made: new Map(),
    madeMs: 0,
    refusal: null,
    removed: new Map(),
    promotionSinceMs: null,
    ...changes,
  };
}
