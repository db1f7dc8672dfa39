import { expect, test } from '@jest/globals';
import { parsePlaylist, type SourcePlaylist } from '../source/parse.ts';
import { ENDED, HEALTHY, UNKNOWN_HEALTH } from './report.ts';
import { SourceCondition } from './source-condition.ts';

function playlist(...last: readonly string[]): SourcePlaylist {
  const lines = ['#EXTM3U', '#EXT-X-TARGETDURATION:9', '#EXTINF:9,', '0.ts', ...last];
  const parsed = parsePlaylist(Buffer.from(lines.join('\n')), 'https://origin.example/live.m3u8');
  if (parsed.kind !== 'media') throw new Error('no media playlist');
  return parsed;
}

test.each([
  { name: 'has ended', read: playlist('#EXT-X-ENDLIST'), targetDurationSeconds: 9, reason: ENDED.reason },
  { name: 'has segments that are too long', read: playlist(), targetDurationSeconds: 4, reason: 'SegmentsTooLong' },
])('a source that $name says nothing of the one that takes its place', ({ read, targetDurationSeconds, reason }) => {
  const condition = new SourceCondition({ facts: () => null, changed: () => {} });
  condition.watched(0);
  condition.read(read, targetDurationSeconds);
  condition.delivers(0);
  expect(condition.health.reason).toBe(reason);
  condition.forget();
  expect(condition.health).toEqual(UNKNOWN_HEALTH);
  // A probe has found it; nobody watches, so that it is not read again and again.
  condition.delivers();
  expect(condition.health).toEqual(HEALTHY);
});
