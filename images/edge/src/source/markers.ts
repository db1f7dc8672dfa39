/** Characters of a marker: an ad break has lines of some hundred. */
const MAX_MARKER_LENGTH = 2_048;

/** Markers of one segment: an ad break has one to five. */
export const MAX_MARKERS = 16;

/** EXT-X-DATERANGE lines kept from the end of a playlist: those of an hour of ad breaks, twice over. */
export const MAX_DATE_RANGES = 60;

/** Tags of ad markers: of the standard, and those in use beside it (SCTE 35 in HLS). */
const MARKERS: ReadonlySet<string> = new Set([
  '#EXT-X-DATERANGE',
  '#EXT-X-CUE',
  '#EXT-X-CUE-OUT',
  '#EXT-X-CUE-OUT-CONT',
  '#EXT-X-CUE-IN',
  '#EXT-X-CUE-SPAN',
  '#EXT-X-ASSET',
  '#EXT-X-SCTE35',
  '#EXT-X-SPLICEPOINT-SCTE35',
  '#EXT-OATCLS-SCTE35',
]);

/** Control characters, which no line may have (RFC 8216bis 4.1). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/**
 * Whether a line, whose tag is `name`, is an ad marker that another playlist may carry: not one with a reference to a variable
 * (RFC 8216bis 4.3), which is declared in the source's playlist alone.
 */
export function isMarker(line: string, name: string): boolean {
  return MARKERS.has(name) && line.length <= MAX_MARKER_LENGTH && !CONTROL.test(line) && !line.includes('{$');
}

/** Whether a marker means the same wherever it stands, because it has a date (RFC 8216bis 4.4.5.1). */
export function isDateRange(marker: string): boolean {
  return marker.startsWith('#EXT-X-DATERANGE:');
}
