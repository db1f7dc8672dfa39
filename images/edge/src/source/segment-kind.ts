import type { SourceSegment } from './parse.ts';

/** End of a stored segment's name: MPEG-TS, a fragment of MP4, packed audio, or WebVTT. */
export type SegmentExtension = 'ts' | 'm4s' | 'aac' | 'vtt';

/** What kind of file a segment of the source is, by its playlist: what it really is shows when it is read. */
export function extensionOf({ uri, map }: Pick<SourceSegment, 'uri' | 'map'>): SegmentExtension {
  if (map !== null) return 'm4s';
  const path = new URL(uri).pathname.toLowerCase();
  if (path.endsWith('.vtt') || path.endsWith('.webvtt')) return 'vtt';
  return path.endsWith('.aac') ? 'aac' : 'ts';
}
