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

function entriesOf(lines: readonly string[], mediaSequence: number): PlaylistEntry[] {
  const entries: PlaylistEntry[] = [];
  let duration: number | null = null;
  let discontinuity = false;
  let dateTime: string | null = null;
  let mapUri: string | null = null;
  let gap = false;
  for (const line of lines) {
    if (line.startsWith('#EXTINF:')) duration = Number.parseFloat(line.slice('#EXTINF:'.length));
    else if (line === '#EXT-X-DISCONTINUITY') discontinuity = true;
    else if (line === '#EXT-X-GAP') gap = true;
    else if (line.startsWith('#EXT-X-MAP:')) mapUri = mapUriOf(line);
    else if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) dateTime = line.slice('#EXT-X-PROGRAM-DATE-TIME:'.length);
    else if (line !== '' && !line.startsWith('#')) {
      if (duration === null || Number.isNaN(duration)) throw new Error(`no EXTINF before ${line}`);
      entries.push({
        msn: mediaSequence + entries.length,
        uri: line,
        durationSeconds: duration,
        discontinuity,
        mapUri,
        gap,
        dateTime,
      });
      duration = null;
      discontinuity = false;
      dateTime = null;
      gap = false;
    }
  }
  return entries;
}

function mapUriOf(line: string): string {
  const uri = /[:,]URI="([^"]+)"/.exec(line)?.[1];
  if (uri === undefined) throw new Error(`no URI in ${line} (RFC 8216bis 4.4.4.5)`);
  return uri;
}
