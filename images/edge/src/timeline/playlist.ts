import { SluiceError } from '@sluice/common/errors/error.ts';
import { keyLines } from './keys.ts';
import { type ByteRange, bytesOf, type SegmentBytes, type TimelineEntry, type TimelineLog } from './log.ts';

/**
 * HOLD-BACK in target durations: the least that RFC 8216bis 4.4.3.8 allows; the constant lag adds one more, so a
 * viewer is four behind the source.
 */
const HOLD_BACK_TARGET_DURATIONS = 3;

/** EXTINF with the microseconds that any 90 kHz clock can tell, without useless zeros. */
function seconds(value: number): string {
  return value.toFixed(6).replace(/0{1,3}$/, '');
}

const rangeText = ({ offset, length }: ByteRange): string => `${length}@${offset}`;

/** What holds for all segments behind it until another tag replaces it (RFC 8216bis 4.4.4.4, 4.4.4.5). */
interface InForce {
  keys: readonly string[];
  /** The section, with the part of the file and the keys that make it another one. */
  section: string;
}

/** The lines that bring a segment's keys and section into force; the section's own keys stand in front of it. */
function decodingLines(bytes: SegmentBytes, inForce: InForce): readonly string[] {
  const { map, mapRange, mapKeys = [], keys = [] } = bytes;
  const lines: string[] = [];
  const section = JSON.stringify([map, mapRange, mapKeys]);
  if (map !== null && section !== inForce.section) {
    const part = mapRange === undefined ? '' : `,BYTERANGE="${rangeText(mapRange)}"`;
    lines.push(...keyLines(inForce.keys, mapKeys), `#EXT-X-MAP:URI="${map}"${part}`);
    inForce.keys = mapKeys;
    inForce.section = section;
  }
  lines.push(...keyLines(inForce.keys, keys));
  inForce.keys = keys;
  return lines;
}

function entryLines(entry: TimelineEntry, rung: string, inForce: InForce): string[] {
  const lines: string[] = [];
  const bytes = bytesOf(entry, rung);
  if (entry.discontinuity) lines.push('#EXT-X-DISCONTINUITY');
  // Nobody reads a gap.
  if (bytes !== null) lines.push(...decodingLines(bytes, inForce));
  if (entry.dateTime !== null) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${entry.dateTime}`);
  lines.push(...(entry.markers ?? []));
  if (bytes === null) lines.push('#EXT-X-GAP');
  lines.push(`#EXTINF:${seconds(bytes?.durationSeconds ?? entry.durationSeconds)},`);
  if (bytes?.range !== undefined) lines.push(`#EXT-X-BYTERANGE:${rangeText(bytes.range)}`);
  lines.push(entry.names[rung] ?? '');
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
  const inForce: InForce = { keys: [], section: '' };
  for (const entry of log.entries) lines.push(...entryLines(entry, rung, inForce));
  if (log.ended === true) lines.push('#EXT-X-ENDLIST');
  return `${lines.join('\n')}\n`;
}
