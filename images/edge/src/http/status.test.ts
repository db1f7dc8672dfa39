import { describe, expect, test } from '@jest/globals';
import type { ChannelLive } from '../channel/service.ts';
import { audienceOf, reportOf, routeOf } from '../testing/channels.ts';
import { channelStatus, isActive, streamPath, viewerFigures } from './status.ts';

const live = (change: Partial<ChannelLive> = {}): ChannelLive => ({
  route: routeOf(),
  activeMode: 'Direct',
  report: reportOf(),
  audience: audienceOf({ viewers: 5, peak: 9 }),
  ...change,
});
const local = { count: 2, peak: 3, approximate: false };

describe('viewerFigures', () => {
  test.each([
    ['the operator knows and is fresh', live(), true, 5, 'all', 'known'],
    [
      'a viewer came who the operator has not heard of',
      live({ audience: audienceOf({ viewers: 1 }) }),
      true,
      2,
      'all',
      'known',
    ],
    ['the operator is away', live(), false, 2, 'edge', 'stale'],
    [
      'an edge is out of reach',
      live({ audience: audienceOf({ viewers: 5, state: 'stale' }) }),
      true,
      5,
      'all',
      'stale',
    ],
    ['the operator knows nothing', live({ audience: audienceOf({ state: 'unknown' }) }), true, 2, 'edge', 'unknown'],
    ['no operator was ever here', live({ audience: null }), true, 2, 'edge', 'unknown'],
  ])('when %s', (_when, channel, fresh, viewerCount, viewersScope, viewersState) => {
    expect(viewerFigures(channel, local, fresh)).toMatchObject({ viewerCount, viewersScope, viewersState });
  });

  test('show the highest peak that anybody saw', () => {
    expect(viewerFigures(live(), local, true).peakViewers).toBe(9);
    expect(viewerFigures(live({ audience: null }), local, true).peakViewers).toBe(3);
  });
});

describe('channelStatus', () => {
  test('says of a channel that another edge owns what the operator has heard from there', () => {
    const audience = audienceOf({
      ...{ viewers: 7, mode: 'Transcode', activeMode: 'Proxy' },
      health: { state: 'down', reason: 'SourceUnreachable' },
    });
    const elsewhere = live({ report: null, activeMode: 'Transcode', audience });
    expect(channelStatus(elsewhere, { count: 0, peak: 0, approximate: false }, true)).toMatchObject({
      ...{ viewerCount: 7, viewersScope: 'all', mode: 'proxy', health: 'down', healthReason: 'SourceUnreachable' },
      healthMessage: "The channel's source has a problem (SourceUnreachable)",
    });
  });

  test('says what a viewer may know, and nothing of the source', () => {
    const status = channelStatus(live({ route: routeOf({ mode: 'Proxy', maxViewers: 10 }) }), local, true);
    expect(status).toEqual({
      channelId: 'default/film',
      viewerCount: 5,
      viewersScope: 'all',
      viewersState: 'known',
      viewersApproximate: false,
      peakViewers: 9,
      mode: 'direct',
      targetMode: 'proxy',
      reason: 'one viewer',
      health: 'healthy',
      healthReason: 'Fresh',
      healthMessage: '',
      maxViewers: 10,
      streamUrl: '/live/default/film/index.m3u8',
    });
  });

  test('tells viewers the reason of a trouble, and nothing of the source', () => {
    const message = 'The source answers 404 for /secret/index.m3u8 at 10.0.0.7';
    const report = reportOf({ health: { state: 'down', reason: 'SourceNotFound', message } });
    expect(channelStatus(live({ report }), local, true)).toMatchObject({
      health: 'down',
      healthReason: 'SourceNotFound',
      healthMessage: "The channel's source has a problem (SourceNotFound)",
    });
  });

  test('calls the health unknown while there is no report', () => {
    expect(channelStatus(live({ report: null }), local, true)).toMatchObject({ health: 'unknown', healthReason: '' });
  });
});

describe('isActive', () => {
  test.each([
    ['Idle', 0, false],
    ['Idle', 1, true],
    ['Proxy', 0, true],
  ] as const)('in %s with %d viewers: %p', (activeMode, count, expected) => {
    const status = channelStatus(live({ activeMode, audience: null }), { ...local, count }, true);
    expect(isActive(status)).toBe(expected);
  });
});

describe('streamPath', () => {
  test('carries the session only where ids may be in URLs', () => {
    expect(streamPath(routeOf(), 'anna')).toBe('/live/default/film/index.m3u8?session=anna');
    expect(streamPath(routeOf({ identity: 'HeartbeatOnly' }), 'anna')).toBe('/live/default/film/index.m3u8');
  });
});
