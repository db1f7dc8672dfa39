import { SluiceError } from '@sluice/common/errors/error.ts';
import type { TimelineEntry, TimelineLog } from './log.ts';

/**
 * HOLD-BACK in target durations: the least that RFC 8216bis 4.4.3.8 allows; the constant lag adds one more, so a
 * viewer is four behind the source.
 */
const HOLD_BACK_TARGET_DURATIONS = 3;

/** EXTINF with the microseconds that any 90 kHz clock can tell, without useless zeros. */
function seconds(value: number): string {
  return value.toFixed(6).replace(/0{1,3}$/, '');
}

function entryLines(entry: TimelineEntry, name: string, needsMap: boolean): string[] {
  const lines: string[] = [];
  if (entry.discontinuity) lines.push('#EXT-X-DISCONTINUITY');
  if (needsMap) lines.push(`#EXT-X-MAP:URI="${entry.map}"`);
  if (entry.dateTime !== null) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${entry.dateTime}`);
  if (entry.gap) lines.push('#EXT-X-GAP');
  lines.push(`#EXTINF:${seconds(entry.durationSeconds)},`, name);
  return lines;
}

/**
 * The media playlist of one rung: a pure function of the log (RFC 8216bis 4.4). Throws RUNG_UNKNOWN (404) where the
 * channel has no such rung.
 */
export function mediaPlaylist(log: TimelineLog, rung: string): string {
  if (!log.rungs.includes(rung)) {
    throw new SluiceError(`There is no rendition "${rung}"; there are: ${log.rungs.join(', ')}`, {
      code: 'RUNG_UNKNOWN',
      retryable: false,
      status: 404,
    });
  }
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:8',
    `#EXT-X-TARGETDURATION:${log.targetDurationSeconds}`,
    `#EXT-X-MEDIA-SEQUENCE:${log.firstListedMsn}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${log.discontinuityBase}`,
    `#EXT-X-SERVER-CONTROL:HOLD-BACK=${(HOLD_BACK_TARGET_DURATIONS * log.targetDurationSeconds).toFixed(3)}`,
  ];
  let map: string | null = null;
  for (const entry of log.entries) {
    // It holds for all segments behind it (RFC 8216bis 4.4.4.5), so it stands where another one is needed.
    const needsMap = entry.map !== null && entry.map !== map;
    if (needsMap) map = entry.map;
    lines.push(...entryLines(entry, entry.names[rung] ?? '', needsMap));
  }
  return `${lines.join('\n')}\n`;
}
