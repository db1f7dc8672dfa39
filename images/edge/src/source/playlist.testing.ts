import type { SourcePlaylist, SourceSegment } from './parse.ts';

/** A segment of a source that is nothing special, with `change`. */
export function sourceSegment(change: Partial<SourceSegment> & Pick<SourceSegment, 'msn' | 'uri'>): SourceSegment {
  return {
    durationSeconds: 2,
    discontinuitySequence: 0,
    discontinuity: false,
    dateTime: null,
    range: null,
    map: null,
    gap: false,
    keys: [],
    mapKeys: [],
    markers: [],
    ...change,
  };
}

/** A source's playlist of these segments, with a target duration of 2 s. */
export function sourcePlaylist(
  segments: readonly SourceSegment[],
  change: Partial<SourcePlaylist> = {},
): SourcePlaylist {
  return {
    kind: 'media',
    targetDurationSeconds: 2,
    segments,
    windowSegments: segments.length,
    ended: false,
    dateRanges: [],
    ...change,
  };
}
