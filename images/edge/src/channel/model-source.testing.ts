import { makeFragment, makeInit } from '@sluice/common/mp4/file.testing.ts';
import { readAttributes } from '../source/attributes.ts';
import { keyTag, readKey } from '../source/key.ts';
import { isDateRange } from '../source/markers.ts';
import type { SegmentKey, SourcePlaylist, SourceSegment } from '../source/parse.ts';
import { sourcePlaylist, sourceSegment } from '../source/playlist.testing.ts';
import { makeSegment } from '../testing/segment.ts';

/** A whole MPEG-TS segment, which stands for all of them. */
export const SEGMENT = makeSegment({ startSeconds: 0, durationSeconds: 0.4 });
const FRAGMENT = makeFragment({ startSeconds: 0, durationSeconds: 0.4 });
/** What nobody can read without its key: whole blocks of AES. */
const CIPHERTEXT = Buffer.alloc(1600, 0xa5);

/** Attributes of the keys that a model source takes turns with: none, one without IV, two of DRM systems, one of these. */
const KEYS: readonly (readonly string[])[] = [
  [],
  ['METHOD=AES-128,URI="key"'],
  [
    'METHOD=SAMPLE-AES,URI="skd://a",KEYFORMAT="com.apple.streamingkeydelivery"',
    'METHOD=SAMPLE-AES-CTR,URI="data:text/plain;base64,AA==",KEYFORMAT="urn:uuid:edef8ba9"',
  ],
  ['METHOD=SAMPLE-AES,URI="skd://b",KEYFORMAT="com.apple.streamingkeydelivery"'],
];

/** What a source can do to its next segment, or from it on. */
export type Turn = 'break' | 'lose' | 'gap' | 'mark' | 'encrypt' | 'range';

/** A source whose segments appear one by one; numbers, names and breaks are those of a real one. */
export class ModelSource {
  #prefix = 'a';
  #segments: SourcePlaylist['segments'][number][] = [];
  #sequence = 0;
  #breakNext = false;
  #gapNext = false;
  #markers: readonly string[] = [];
  #keys: readonly string[] = KEYS[0] ?? [];
  #ranged = false;
  #appeared = 0;
  /** Every segment there ever was, by its date, which nothing on its way to a viewer may change. */
  readonly byDate = new Map<string, SourceSegment>();
  next: number;
  /** Nothing follows, as far as the playlist knows. */
  hasEnded = false;
  readonly lost = new Set<string>();

  readonly #window: number;
  readonly #fragmented: boolean;

  constructor(firstMsn: number, window: number, fragmented: boolean) {
    this.#window = window;
    this.#fragmented = fragmented;
    this.next = firstMsn;
    for (let count = 0; count < window; count += 1) this.appear();
  }

  appear(): void {
    this.hasEnded = false;
    if (this.#breakNext) this.#sequence += 1;
    const uri = `http://source/${this.#name}`;
    if (this.#gapNext) this.lost.add(uri);
    const dateTime = new Date(1000 * this.#appeared).toISOString();
    const segment = sourceSegment({
      msn: this.next,
      uri,
      durationSeconds: this.next % 3 === 0 ? 1.8 : 2,
      discontinuitySequence: this.#sequence,
      discontinuity: this.#breakNext,
      dateTime,
      range: this.#ranged ? { offset: 188 * this.next, length: 188 } : null,
      map: this.#fragmented
        ? { uri: 'http://source/init.mp4', range: this.#ranged ? { offset: 0, length: 9 } : null }
        : null,
      gap: this.#gapNext,
      keys: this.#keys.map((list) => keyOf(list, this.next)),
      markers: this.#markers,
    });
    this.byDate.set(dateTime, segment);
    this.#segments = [...this.#segments, segment].slice(-this.#window);
    this.next += 1;
    this.#appeared += 1;
    this.#breakNext = false;
    this.#gapNext = false;
    this.#markers = [];
  }

  take(turn: Turn): void {
    if (turn === 'break') this.#breakNext = true;
    else if (turn === 'lose') this.lost.add(`http://source/${this.#name}`);
    else if (turn === 'gap') this.#gapNext = true;
    else if (turn === 'mark') this.#markers = markersOf(this.#appeared);
    else if (turn === 'encrypt') this.#keys = KEYS[(KEYS.indexOf(this.#keys) + 1) % KEYS.length] ?? [];
    else this.#ranged = !this.#ranged;
  }

  /** The bytes of a segment, or of the section that all of its time share, whose name never changes. */
  bytes(url: string): Uint8Array {
    if (url.includes('/enc-')) return CIPHERTEXT;
    if (url.endsWith('.ts')) return SEGMENT;
    return url.endsWith('.m4s') ? FRAGMENT : makeInit({ width: 320 + 16 * (this.#sequence % 50) });
  }

  get #name(): string {
    return `${this.#keys.length > 0 ? 'enc-' : ''}${this.#prefix}${this.next}.${this.#fragmented ? 'm4s' : 'ts'}`;
  }

  restart(firstMsn: number): void {
    this.#prefix += 'x';
    this.#segments = [];
    this.#sequence = 0;
    this.next = firstMsn;
    this.appear();
  }

  playlist(): SourcePlaylist {
    const dateRanges = this.#segments.flatMap(({ markers }) => markers.filter(isDateRange));
    return sourcePlaylist(this.#segments, { dateRanges, ended: this.hasEnded });
  }
}

function keyOf(list: string, msn: number): SegmentKey {
  const key = readKey(readAttributes(list), 'http://source/index.m3u8');
  return { method: key.method, uri: key.uri, tag: keyTag(key, msn) };
}

function markersOf(number: number): readonly string[] {
  return [`#EXT-X-DATERANGE:ID="${number}",START-DATE="2026-01-01T00:00:00Z"`, `#EXT-X-CUE-OUT:${number}`];
}
