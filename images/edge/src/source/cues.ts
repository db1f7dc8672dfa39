import { TICKS_PER_SECOND, ticksBetween } from '@sluice/common/mpegts/timestamp.ts';
import type { MediaStart } from './content.ts';
import { secondsBetween } from './numbers.ts';
import type { SourcePlaylist } from './parse.ts';

/** Cues read of one segment: subtitles have one in a second, karaoke ten. */
const MAX_CUES = 200;

/** Least time in seconds that a cue is shown in a segment that has it: cues that end where a segment begins are in neither. */
const LEAST_SHOWN_SECONDS = 0.02;

/** When a cue is shown, in ticks of 90 kHz. */
export interface Cue {
  readonly from: number;
  readonly to: number;
}

/** `[hh:]mm:ss.ttt` of W3C WebVTT 4.1, in seconds; null for anything else. */
function secondsOf(text: string): number | null {
  const found = /^(?:(\d{1,6}):)?([0-5]\d):([0-5]\d\.\d{3})$/.exec(text);
  return found === null ? null : Number(found[1] ?? 0) * 3600 + Number(found[2]) * 60 + Number(found[3]);
}

/** Ticks of cue time 0 by X-TIMESTAMP-MAP; 0 without one (RFC 8216bis 3.1.4). */
function originOf(lines: readonly string[]): number {
  const map = lines.find((line) => line.startsWith('X-TIMESTAMP-MAP=')) ?? '';
  const ticks = /MPEGTS:(\d{1,16})/.exec(map)?.[1];
  const local = secondsOf(/LOCAL:([\d:.]+)/.exec(map)?.[1] ?? '');
  return ticks === undefined || local === null ? 0 : Number(ticks) - local * TICKS_PER_SECOND;
}

/** When the cues of a WebVTT segment are shown, as far as it says so; the first {@link MAX_CUES}. */
export function cuesOf(bytes: Uint8Array): readonly Cue[] {
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('utf8')
    .split(/\r\n|\n|\r/);
  const origin = originOf(lines.slice(0, 16));
  const cues: Cue[] = [];
  for (const line of lines) {
    if (cues.length === MAX_CUES) break;
    const arrow = line.indexOf('-->');
    if (arrow < 0) continue;
    const from = secondsOf(line.slice(0, arrow).trim());
    const to = secondsOf(
      line
        .slice(arrow + 3)
        .trim()
        .split(/\s/, 1)[0] ?? '',
    );
    if (from === null || to === null) continue;
    cues.push({ from: origin + from * TICKS_PER_SECOND, to: origin + to * TICKS_PER_SECOND });
  }
  return cues;
}

/**
 * Numbers of the reference's segments in which all these cues are shown, at least in part.
 * @param start when the segment `index` of the reference begins
 */
export function numbersShowing(
  cues: readonly Cue[],
  { segments }: Pick<SourcePlaylist, 'segments'>,
  index: number,
  start: MediaStart,
): readonly number[] {
  if (cues.length === 0) return [];
  const least = LEAST_SHOWN_SECONDS * TICKS_PER_SECOND;
  let begin = start.seconds * TICKS_PER_SECOND - secondsBetween(segments, 0, index) * TICKS_PER_SECOND;
  return segments.flatMap(({ msn, durationSeconds }) => {
    const [from, length] = [begin, durationSeconds * TICKS_PER_SECOND];
    begin += length;
    const isShown = cues.every((cue) => {
      const after = ticksBetween(from, cue.from);
      return after <= length - least && after + cue.to - cue.from >= least;
    });
    return isShown ? [msn] : [];
  });
}
