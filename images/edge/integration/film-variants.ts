import { SEGMENT_SECONDS, type Variant } from './live-film.ts';

/** Every fourth segment is missing at its source. */
const isLost = (name: string): boolean => Number(/(\d+)\.ts$/.exec(name)?.[1]) % 4 === 3;

/** Lines of a playlist, each segment's `#EXTINF`, tags and name together, with `change` made to them. */
function bySegment(
  playlist: string,
  change: (segment: string, name: string, place: number, count: number) => string,
): string {
  const [head = '', ...segments] = playlist.split(/^(?=#EXTINF)/m);
  const changed = segments.map((one, place) =>
    change(one, one.trimEnd().split('\n').at(-1) ?? '', place, segments.length),
  );
  return head + changed.join('');
}

/** EXT-X-GAP in front of segments that the source does not have (RFC 8216bis 4.4.4.7). */
export const GAPS: Variant = {
  rewrite: (playlist) => bySegment(playlist, (one, name) => (isLost(name) ? `#EXT-X-GAP\n${one}` : one)),
  withholds: isLost,
};

const PARTS = 4;
const partOf = (name: string, part: number, tag = ''): string =>
  `#EXT-X-PART:DURATION=${SEGMENT_SECONDS / PARTS},URI="${name}.part${part}"${part === 0 ? ',INDEPENDENT=YES' : ''}${tag}\n`;
const PART_TAGS = `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5,CAN-SKIP-UNTIL=12\n#EXT-X-PART-INF:PART-TARGET=0.5\n`;

/** A low-latency playlist (RFC 8216bis 4.4.4.9, 4.4.5.3): parts of the newest segments, and of the one under way. */
export const PARTED: Variant = {
  rewrite: (playlist) => {
    const listed = bySegment(playlist, (one, name, place, count) => {
      const parts = Array.from({ length: PARTS }, (_, part) => partOf(name, part)).join('');
      return place < count - 2 ? one : parts + one;
    }).replace(/^(#EXT-X-TARGETDURATION.*\n)/m, `$1${PART_TAGS}`);
    return `${listed}${partOf('next.ts', 0)}#EXT-X-PRELOAD-HINT:TYPE=PART,URI="next.ts.part1"\n#EXT-X-RENDITION-REPORT:URI="../low/index.m3u8",LAST-MSN=9,LAST-PART=0\n`;
  },
};

/** A source that declares, from some moment on, a longer target duration than its segments have. */
export class ChangingTarget implements Variant {
  /** EXT-X-TARGETDURATION in seconds from now on. */
  seconds = SEGMENT_SECONDS;

  readonly rewrite = (playlist: string): string =>
    playlist.replace(/^#EXT-X-TARGETDURATION:.*$/m, `#EXT-X-TARGETDURATION:${this.seconds}`);
}
