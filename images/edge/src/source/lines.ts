import { sourceError } from './errors.ts';

/** Most lines of a playlist: three a segment for a day of 4 s segments, and room. */
export const MAX_LINES = 100_000;

/** Longest line in characters: URLs beyond 8 KiB do not pass common proxies. */
export const MAX_LINE_LENGTH = 8_192;

/** Marks of a text in UTF-16, of either byte order. */
const UTF16_MARKS: readonly (readonly [number, number])[] = [
  [0xff, 0xfe],
  [0xfe, 0xff],
];

function notAPlaylist(what: string): never {
  throw sourceError('NOT_A_PLAYLIST', `The source's URL answers with ${what} instead of an HLS playlist (#EXTM3U)`);
}

/** The text of a playlist: UTF-8 (RFC 8216bis 4.1), where a mark at the beginning is forgiven. Throws NOT_A_PLAYLIST. */
export function playlistText(bytes: Uint8Array): string {
  if (UTF16_MARKS.some(([first, second]) => bytes[0] === first && bytes[1] === second)) {
    notAPlaylist('a text in UTF-16 where UTF-8 must be,');
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
  if (text.startsWith('#EXTM3U')) return text;
  return notAPlaylist(text.slice(0, 200).trimStart().startsWith('<') ? 'a web page' : 'something else');
}

/**
 * The lines of a playlist that are not empty, without the blanks around them. Throws PLAYLIST_INVALID at the first line
 * that is too long, or one too many.
 */
export function* playlistLines(text: string): Generator<string> {
  let lines = 0;
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf('\n', start);
    const end = found < 0 ? text.length : found;
    lines += 1;
    if (end - start > MAX_LINE_LENGTH || lines > MAX_LINES) {
      throw sourceError(
        'PLAYLIST_INVALID',
        `The source's playlist has more than ${MAX_LINES} lines, or one longer than ${MAX_LINE_LENGTH} characters`,
      );
    }
    const line = text.slice(start, end).trim();
    if (line !== '') yield line;
    start = end + 1;
  }
}
