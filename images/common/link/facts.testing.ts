import type { SourceFacts } from './source-facts.ts';

/** Facts of a source that can do everything: 720p H.264 with AAC in MPEG-TS, segments of 2 s, a window of 10. */
export function factsFixture(changes: Partial<SourceFacts> = {}): SourceFacts {
  return {
    container: 'mpegts',
    videoCodec: 'avc1.64001f',
    audioCodec: 'mp4a.40.2',
    width: 1280,
    height: 720,
    frameRateMilli: 25_000,
    targetDurationSeconds: 2,
    bitrateBps: 3_000_000,
    windowSegments: 10,
    startsWithKeyframe: true,
    corsAllowed: true,
    probedAt: '2026-11-21T12:00:00.000Z',
    ...changes,
  };
}
