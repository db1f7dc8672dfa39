/** One entry of a media playlist. */
export interface PlaylistEntry {
  readonly msn: number;
  readonly uri: string;
  readonly durationSeconds: number;
  /** EXT-X-DISCONTINUITY stands before the entry. */
  readonly discontinuity: boolean;
  /** URI of the EXT-X-MAP that holds for the entry, or null. */
  readonly mapUri: string | null;
  /** EXT-X-GAP stands before the entry: nobody reads it. */
  readonly gap: boolean;
  /** EXT-X-PROGRAM-DATE-TIME as written, or null. */
  readonly dateTime: string | null;
  /** EXT-X-BYTERANGE as written, or null. */
  readonly byteRange: string | null;
  /** EXT-X-KEY lines in force, one for each KEYFORMAT; empty where the entry is not encrypted. */
  readonly keys: readonly string[];
  /** Lines of ad markers that stand before the entry. */
  readonly markers: readonly string[];
}

/** A media playlist as a strict client reads it. */
export interface MediaPlaylist {
  readonly targetDurationSeconds: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  /** EXT-X-SERVER-CONTROL:HOLD-BACK in seconds, or null. */
  readonly holdBackSeconds: number | null;
  readonly ended: boolean;
  readonly entries: readonly PlaylistEntry[];
}

/**
 * Reads a media playlist for the tests. Deliberately not the parser that the product uses, so that one mistake
 * cannot hide another.
 * @throws Error naming the line, for anything that RFC 8216bis 4.4 does not allow
 */
export function parseMediaPlaylist(text: string): MediaPlaylist {
  const lines = text.split('\n').map((line) => line.trimEnd());
  if (lines[0] !== '#EXTM3U')
    throw new Error(`a playlist starts with #EXTM3U, this one with ${lines[0]?.slice(0, 80)}`);
  const head = {
    targetDurationSeconds: numberAfter(lines, '#EXT-X-TARGETDURATION:'),
    mediaSequence: numberAfter(lines, '#EXT-X-MEDIA-SEQUENCE:') ?? 0,
    discontinuitySequence: numberAfter(lines, '#EXT-X-DISCONTINUITY-SEQUENCE:') ?? 0,
  };
  if (head.targetDurationSeconds === null) throw new Error('EXT-X-TARGETDURATION is missing (RFC 8216bis 4.4.3.1)');
  const holdBack = /HOLD-BACK=([\d.]+)/.exec(lines.find((line) => line.startsWith('#EXT-X-SERVER-CONTROL:')) ?? '');
  return {
    ...head,
    targetDurationSeconds: head.targetDurationSeconds,
    holdBackSeconds: holdBack === null ? null : Number(holdBack[1]),
    ended: lines.includes('#EXT-X-ENDLIST'),
    entries: entriesOf(lines, head.mediaSequence),
  };
}

function numberAfter(lines: readonly string[], tag: string): number | null {
  const line = lines.find((candidate) => candidate.startsWith(tag));
  if (line === undefined) return null;
  const value = Number(line.slice(tag.length));
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`not a decimal integer: ${line}`);
  return value;
}

const DATE_TIME = '#EXT-X-PROGRAM-DATE-TIME:';
const BYTE_RANGE = '#EXT-X-BYTERANGE:';
const MARKER = /^#EXT-(?:X-(?:DATERANGE|CUE|ASSET|SCTE35|SPLICEPOINT)|OATCLS-SCTE35)/;

/** What stands before one entry and is said of it alone. */
const NOTHING_SAID = {
  discontinuity: false,
  gap: false,
  dateTime: null,
  byteRange: null,
} satisfies Partial<PlaylistEntry>;

function entriesOf(lines: readonly string[], mediaSequence: number): PlaylistEntry[] {
  const entries: PlaylistEntry[] = [];
  let duration: number | null = null;
  let said: Pick<PlaylistEntry, keyof typeof NOTHING_SAID> = NOTHING_SAID;
  let mapUri: string | null = null;
  let keys: readonly string[] = [];
  let markers: string[] = [];
  for (const line of lines) {
    if (line.startsWith('#EXTINF:')) duration = Number.parseFloat(line.slice('#EXTINF:'.length));
    else if (line === '#EXT-X-DISCONTINUITY') said = { ...said, discontinuity: true };
    else if (line === '#EXT-X-GAP') said = { ...said, gap: true };
    else if (line.startsWith('#EXT-X-MAP:')) mapUri = mapUriOf(line);
    else if (line.startsWith('#EXT-X-KEY:')) keys = keysBehind(keys, line);
    else if (line.startsWith(DATE_TIME)) said = { ...said, dateTime: line.slice(DATE_TIME.length) };
    else if (line.startsWith(BYTE_RANGE)) said = { ...said, byteRange: line.slice(BYTE_RANGE.length) };
    else if (MARKER.test(line)) markers.push(line);
    else if (line !== '' && !line.startsWith('#')) {
      if (duration === null || Number.isNaN(duration)) throw new Error(`no EXTINF before ${line}`);
      const msn = mediaSequence + entries.length;
      entries.push({ msn, uri: line, durationSeconds: duration, ...said, mapUri, keys, markers });
      [duration, said, markers] = [null, NOTHING_SAID, []];
    }
  }
  return entries;
}

/** The keys in force behind an EXT-X-KEY tag: it replaces that of its own KEYFORMAT (RFC 8216bis 4.4.4.4). */
function keysBehind(keys: readonly string[], line: string): readonly string[] {
  if (line.includes('METHOD=NONE')) return [];
  if (!line.includes('URI="')) throw new Error(`no URI in ${line} (RFC 8216bis 4.4.4.4)`);
  const formatOf = (tag: string): string => /KEYFORMAT="([^"]*)"/.exec(tag)?.[1] ?? 'identity';
  return [...keys.filter((one) => formatOf(one) !== formatOf(line)), line].sort();
}

function mapUriOf(line: string): string {
  const uri = /[:,]URI="([^"]+)"/.exec(line)?.[1];
  if (uri === undefined) throw new Error(`no URI in ${line} (RFC 8216bis 4.4.4.5)`);
  return uri;
}
