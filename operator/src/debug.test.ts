import { describe, expect, test } from '@jest/globals';
import type { Decision } from '@sluice/crds';
import { remember } from './channel/memory.ts';
import type { ChannelState } from './channel/state.ts';
import { type DebugSources, debugPages } from './debug.ts';
import { channelFixture, edgeFixture, routeFixture } from './testing/fixtures.ts';

const NOW = Date.parse('2026-11-21T12:00:00.000Z');

function decision(seconds: number): Decision {
  const time = new Date(NOW + seconds * 1000).toISOString();
  return { time, from: 'Idle', to: 'Direct', viewers: 1, reason: '1 viewer' };
}

function state(uid: string, decisions: readonly Decision[]): ChannelState {
  return { uid, memory: { ...remember(channelFixture(), NOW), decisions } } as unknown as ChannelState;
}

const SOURCES: DebugSources = {
  channels: () => [
    ['tv/film', state('c1', [decision(1), decision(3)])],
    ['tv/news', state('c2', [decision(2)])],
  ],
  route: (uid) =>
    uid === 'c1'
      ? routeFixture({
          source: { uri: 'http://source.example/i.m3u8?key=hush', headers: { authorization: 'hush' }, facts: null },
          session: { name: 'film-1', uid: 's1', tokenSha256: 'f'.repeat(64), rungs: ['480p'] },
        })
      : undefined,
  controllers: () => [
    { name: 'channel', snapshot: () => ({ waiting: ['tv/film'], working: [], delayed: [], failures: [] }) },
  ],
  waiting: () => new Map([['s2', { admitted: false, scope: 'owner', owner: 'owner a', limit: 5, current: 5 }]]),
  edges: () => [
    { ...edgeFixture(), podName: 'edge-0', podUid: 'known' },
    { ...edgeFixture(), podName: 'edge-1', podUid: 'silent' },
  ],
  load: (podUid) => (podUid === 'known' ? { egressBitsPerSecond: 8e6, requestsPerSecond: null } : null),
};
const pages = debugPages(SOURCES);

describe('the debug pages', () => {
  test('are listed', () => {
    expect(pages['/debug']?.()).toEqual({
      pages: ['/debug/routes', '/debug/queues', '/debug/decisions', '/debug/edges', '/debug/admissions'],
    });
  });

  test('show what the edges know, without any credential', () => {
    const routes = pages['/debug/routes']?.();
    expect(JSON.stringify(routes)).not.toMatch(/hush|ffff/);
    expect(routes).toMatchObject({
      'tv/film': { source: { uri: 'http://source.example/i.m3u8?…', headers: { authorization: '[redacted]' } } },
      'tv/news': null,
    });
  });

  test('show the last decisions of all channels, the newest first', () => {
    const decisions = pages['/debug/decisions']?.() as readonly { channel: string; time: string }[];
    expect(decisions.map(({ channel, time }) => `${channel} ${time.slice(17, 19)}`)).toEqual([
      'tv/film 03',
      'tv/news 02',
      'tv/film 01',
    ]);
  });

  test('show what each edge carries, as far as it is known', () => {
    expect(pages['/debug/edges']?.()).toMatchObject({
      'edge-0': { ready: true, load: { egressBitsPerSecond: 8e6, requestsPerSecond: null } },
      'edge-1': { ready: true, load: null },
    });
  });

  test('show the queues, and who waits for a place', () => {
    expect(pages['/debug/queues']?.()).toMatchObject({ channel: { waiting: ['tv/film'] } });
    expect(pages['/debug/admissions']?.()).toMatchObject({ s2: { scope: 'owner', limit: 5 } });
  });
});
