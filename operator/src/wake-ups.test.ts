import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Channel, ChannelStatus, StreamSession, StreamSessionStatus } from '@sluice/crds';
import type { Caches } from './caches.ts';
import { buildSession } from './channel/build/session.ts';
import { Store, type ToldChange } from './runtime/cache/store.ts';
import type { KubernetesObject } from './runtime/client/client.ts';
import { channelFixture } from './testing/fixtures.ts';
import { wakeOnChanges } from './wake-ups.ts';

/** The part of a reflector that listeners see, with changes that a test tells. */
class Told<T extends KubernetesObject> {
  readonly store = new Store<T>({ channel: () => ['tv/film'] });
  readonly #handlers: ((change: ToldChange<T>) => void)[] = [];

  onChange(handler: (change: ToldChange<T>) => void): void {
    this.#handlers.push(handler);
  }

  tell(before: T | null, after: T | null): void {
    for (const handler of this.#handlers) handler({ before, after, initial: false });
  }
}

const CHANNEL = channelFixture();
const SESSION = sessionWith({ phase: 'Running', progress: { outTimeSeconds: 1 } });

function channelWith(metadata: object, status: ChannelStatus = { mode: 'Proxy' }): Channel {
  return { ...CHANNEL, metadata: { ...CHANNEL.metadata, ...metadata }, status };
}

function sessionWith(status: StreamSessionStatus, metadata: object = {}): StreamSession {
  const session = buildSession(channelFixture(), 'film-1', []);
  return { ...session, metadata: { ...session.metadata, uid: 's1', generation: 1, ...metadata }, status };
}

describe('a change in a cache', () => {
  const channels = new Told<Channel>();
  const sessions = new Told<StreamSession>();
  const others = new Told<never>();
  const caches = { channels, sessions, pods: others, namespaces: others, slices: others } as unknown as Caches;
  let woken: string[] = [];

  wakeOnChanges(caches, {
    channel: (key) => woken.push(`channel ${key}`),
    channelStatus: ({ metadata }) => woken.push(`status ${metadata.resourceVersion}`),
    session: (key) => woken.push(`session ${key}`),
    sessionStatus: ({ metadata }) => woken.push(`status of session ${metadata.resourceVersion}`),
    owner: () => woken.push('owner'),
    sessionGone: (uid) => woken.push(`gone ${uid}`),
    edges: () => woken.push('edges'),
  });

  beforeEach(() => {
    woken = [];
  });

  const ofChannels: readonly [string, Channel | null, Channel | null, readonly string[]][] = [
    ['wakes a Channel that is new', null, CHANNEL, ['channel tv/film']],
    ['wakes a Channel that is gone', CHANNEL, null, ['channel tv/film']],
    ['wakes a Channel with another spec', CHANNEL, channelWith({ generation: 2 }), ['channel tv/film']],
    ['wakes a Channel that is deleted', CHANNEL, channelWith({ deletionTimestamp: 'now' }), ['channel tv/film']],
    ['only tells of a status that was written', CHANNEL, channelWith({ resourceVersion: '9' }), ['status 9']],
  ];
  test('wakes the sessions of a Channel that is gone, made anew under its name, or readable again', () => {
    sessions.store.replace([SESSION]);
    channels.tell(CHANNEL, null);
    channels.tell(null, CHANNEL);
    channels.tell(CHANNEL, channelWith({ uid: 'c2' }));
    channels.tell(CHANNEL, channelWith({ generation: 2 }));
    sessions.store.replace([]);
    const both = ['channel tv/film', 'session tv/film-1'];
    expect(woken).toEqual([...both, ...both, ...both, 'channel tv/film']);
  });

  test.each(ofChannels)('%s', (_name, before, after, expected) => {
    channels.tell(before, after);
    expect(woken).toEqual(expected);
  });

  const all = ['owner', 'session tv/film-1', 'channel tv/film'];
  const progressed = sessionWith({ phase: 'Running', progress: { outTimeSeconds: 60 } }, { resourceVersion: '9' });
  const failed = sessionWith({ phase: 'Failed' }, { resourceVersion: '9' });
  const ofSessions: readonly [string, StreamSession | null, StreamSession | null, readonly string[]][] = [
    ['wakes a session that is new, and its Channel', null, SESSION, all],
    ['wakes both at the end of a session', SESSION, null, ['gone s1', ...all.slice(1)]],
    ['wakes both when a session is deleted', SESSION, sessionWith({}, { deletionTimestamp: 'now' }), all],
    ['tells a Channel of another phase', SESSION, failed, ['status of session 9', 'owner', 'channel tv/film']],
    ['lets both sleep while a session only gets on', SESSION, progressed, ['status of session 9']],
  ];
  test.each(ofSessions)('%s', (_name, before, after, expected) => {
    sessions.tell(before, after);
    expect(woken).toEqual(expected);
  });
});
