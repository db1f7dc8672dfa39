import { describe, expect, test } from '@jest/globals';
import { factsFixture } from '@sluice/common/link/facts.testing.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { SourceFacts } from '@sluice/common/link/source-facts.ts';
import { testRoute } from '../testing/route.ts';
import {
  admitsAnyPage,
  directObstacle,
  factsOf,
  type SegmentSample,
  sampleOf,
  transcodeObstacle,
  UNKNOWN_MEDIA,
} from './facts.ts';
import { sourceSegment } from './playlist.testing.ts';

const FACTS = factsFixture();
const URI = 'https://cdn/live/index.m3u8';
const SAMPLE: SegmentSample = { uris: ['https://cdn/live/1.ts'], encryption: null };

interface Case {
  readonly name: string;
  readonly uri?: string;
  readonly route?: Partial<Route>;
  readonly facts?: Partial<SourceFacts>;
  readonly sample?: Partial<SegmentSample>;
  readonly reason: string | null;
}

const direct: readonly Case[] = [
  { name: 'an open source', reason: null },
  { name: 'no CORS', facts: { corsAllowed: false }, reason: 'NoCors' },
  { name: 'a short window', facts: { windowSegments: 3 }, reason: 'ShortWindow' },
  { name: 'a hidden source', route: { exposeSource: false }, reason: 'SourceHidden' },
  { name: 'a query', uri: `${URI}?token=1`, reason: 'QueryInUrl' },
  { name: 'a query that may be seen', uri: `${URI}?token=1`, route: { exposeSource: true }, reason: null },
  { name: 'a query on segments only', sample: { uris: ['https://cdn/1.ts?sig=1'] }, reason: 'QueryInUrl' },
  {
    name: 'a query on initialization sections only',
    sample: { uris: ['https://cdn/1.m4s', 'https://cdn/i.mp4?sig=1'] },
    reason: 'QueryInUrl',
  },
  {
    name: 'a password, even if shown',
    uri: 'https://u:p@cdn/i.m3u8',
    route: { exposeSource: true },
    reason: 'CredentialsInUrl',
  },
];

test.each(direct)('Direct with $name: $reason', ({ uri, route, facts, sample, reason }) => {
  const obstacle = directObstacle(testRoute(uri ?? URI, route), { ...FACTS, ...facts }, { ...SAMPLE, ...sample });
  expect(obstacle?.reason ?? null).toBe(reason);
});

test('Direct with secret headers is impossible before any probe', () => {
  const route = testRoute(URI, { source: { uri: URI, headers: { Cookie: 'x' }, facts: null } });
  expect(directObstacle(route, null, null)?.reason).toBe('HeadersNeeded');
});

const transcode: readonly Case[] = [
  { name: 'H.264 and AAC', reason: null },
  { name: 'no audio', facts: { audioCodec: '' }, reason: null },
  { name: 'fragmented MP4', facts: { container: 'fmp4' }, reason: null },
  { name: 'fragmented MP4 without audio', facts: { container: 'fmp4', audioCodec: '' }, reason: null },
  { name: 'another container', facts: { container: 'unknown' }, reason: 'UnknownContainer' },
  {
    name: 'H.264 that changes its parameters within the film',
    facts: { container: 'fmp4', videoCodec: 'avc3.64001f' },
    reason: 'VideoCodec',
  },
  { name: 'HEVC in MP4', facts: { container: 'fmp4', videoCodec: 'hvc1.1.6.L93' }, reason: 'VideoCodec' },
  { name: 'other audio in MP4', facts: { container: 'fmp4', audioCodec: 'Opus' }, reason: 'AudioCodec' },
  { name: 'HEVC', facts: { videoCodec: 'hvc1.1.6.L93' }, reason: 'VideoCodec' },
  { name: 'unknown video', facts: { videoCodec: '' }, reason: 'VideoCodec' },
  { name: 'other audio', facts: { audioCodec: 'ac-3' }, reason: 'AudioCodec' },
  { name: 'no keyframe at the start', facts: { startsWithKeyframe: false }, reason: 'NoKeyframeAtStart' },
  { name: 'a section that names an encryption', facts: { container: 'fmp4', encryption: 'cbcs' }, reason: 'Encrypted' },
  { name: 'encrypted segments', sample: { encryption: 'AES-128' }, reason: 'Encrypted' },
];

test('a segment is encrypted where only its initialization section is', () => {
  const key = { method: 'SAMPLE-AES-CTR', uri: 'skd://1', tag: '#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI="skd://1"' };
  const map = { uri: 'https://cdn/i.mp4', range: null };
  expect(sampleOf(sourceSegment({ msn: 1, uri: 'https://cdn/1.m4s', map, mapKeys: [key] }))).toEqual({
    uris: ['https://cdn/1.m4s', 'https://cdn/i.mp4'],
    encryption: 'SAMPLE-AES-CTR',
  });
});

test.each(transcode)('Transcode with $name: $reason', ({ facts, sample, reason }) => {
  expect(transcodeObstacle({ ...FACTS, ...facts }, { ...SAMPLE, ...sample })?.reason ?? null).toBe(reason);
});

describe('what a probe says', () => {
  const context = {
    targetDurationSeconds: 2,
    windowSegments: 10,
    corsAllowed: true,
    declaredBitrateBps: null,
    segmentBytes: 500_000,
    segmentSeconds: 2,
    now: 0,
  };

  test('is unknown for segments that are no MPEG-TS', () => {
    expect(factsOf(UNKNOWN_MEDIA, context)).toMatchObject({ container: 'unknown', videoCodec: '', height: 0 });
  });

  test('takes the declared bitrate, else the measured one with room for peaks, else one that is common', () => {
    expect(factsOf(UNKNOWN_MEDIA, { ...context, declaredBitrateBps: 5e6 }).bitrateBps).toBe(5_000_000);
    expect(factsOf(UNKNOWN_MEDIA, context).bitrateBps).toBe(2_660_000);
    expect(factsOf(UNKNOWN_MEDIA, { ...context, segmentBytes: null }).bitrateBps).toBe(6_000_000);
  });

  test('admits any page only where the answer does', () => {
    expect(admitsAnyPage('*', 'https://a')).toBe(true);
    expect(admitsAnyPage('https://a', 'https://a')).toBe(true);
    expect(admitsAnyPage('https://b', 'https://a')).toBe(false);
    expect(admitsAnyPage(null, 'https://a')).toBe(false);
  });
});
