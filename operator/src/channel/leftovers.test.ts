import { describe, expect, test } from '@jest/globals';
import { POD, type Pod } from '../kinds.ts';
import { channelFixture } from '../testing/fixtures.ts';
import { buildSession } from './build/session.ts';
import { leftovers, type Removal, removalOf } from './leftovers.ts';

const SESSION = buildSession(channelFixture(), 'film-1', []);
const POD_LEFT = POD.parse({ metadata: { name: 'film-1-2' }, spec: { nodeName: 'node-b' } });
const DELETED_MS = 1_000_000;

function look(removal: Removal, pods: readonly Pod[], seconds: number) {
  const { events, wakeAfterSeconds } = leftovers([removal], () => pods, DELETED_MS + seconds * 1000);
  return { notes: events.map(({ reason, note }) => `${reason}: ${note}`), wakeAfterSeconds };
}

describe('what ended sessions leave behind', () => {
  const deleted = (): Removal => ({ ...removalOf(SESSION), deletedAtMs: DELETED_MS });

  test('has the grace period of its pods, and a minute more', () => {
    expect(look(deleted(), [POD_LEFT], 30)).toEqual({ notes: [], wakeAfterSeconds: 90 });
  });

  test('is told then, once, by pod and node', () => {
    const removal = deleted();
    const note =
      'CleanupFailed: pod film-1-2 on node node-b is still there 120 s after StreamSession film-1 was deleted';
    expect(look(removal, [POD_LEFT], 120)).toEqual({ notes: [note], wakeAfterSeconds: null });
    expect(look(removal, [POD_LEFT], 500)).toEqual({ notes: [], wakeAfterSeconds: null });
  });

  test('is nothing where all pods are gone, or the session is not deleted yet', () => {
    expect(look(deleted(), [], 500)).toEqual({ notes: [], wakeAfterSeconds: null });
    expect(look(removalOf(SESSION), [POD_LEFT], 500)).toEqual({ notes: [], wakeAfterSeconds: null });
  });
});
