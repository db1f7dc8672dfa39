import { makeFragment, makeInit } from '@sluice/common/mp4/file.testing.ts';
import type { SourcePlaylist } from '../source/parse.ts';
import { makeSegment } from '../testing/segment.ts';

/** A whole MPEG-TS segment, which stands for all of them. */
export const SEGMENT = makeSegment({ startSeconds: 0, durationSeconds: 0.4 });
const FRAGMENT = makeFragment({ startSeconds: 0, durationSeconds: 0.4 });

/** A source whose segments appear one by one; numbers, names and breaks are those of a real one. */
export class ModelSource {
  #prefix = 'a';
  #segments: SourcePlaylist['segments'][number][] = [];
  #sequence = 0;
  #breakNext = false;
  next: number;
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
    if (this.#breakNext) this.#sequence += 1;
    const uri = `http://source/${this.#name}`;
    this.#segments.push({
      msn: this.next,
      uri,
      durationSeconds: this.next % 3 === 0 ? 1.8 : 2,
      discontinuitySequence: this.#sequence,
      discontinuity: this.#breakNext,
      dateTime: null,
      range: null,
      map: this.#fragmented ? { uri: 'http://source/init.mp4', range: null } : null,
    });
    this.#segments = this.#segments.slice(-this.#window);
    this.next += 1;
    this.#breakNext = false;
  }

  break(): void {
    this.#breakNext = true;
  }

  lose(): void {
    this.lost.add(`http://source/${this.#name}`);
  }

  /** The bytes of a segment, or of the section that all of its time share, whose name never changes. */
  bytes(url: string): Uint8Array {
    if (url.endsWith('.ts')) return SEGMENT;
    return url.endsWith('.m4s') ? FRAGMENT : makeInit({ width: 320 + 16 * (this.#sequence % 50) });
  }

  get #name(): string {
    return `${this.#prefix}${this.next}.${this.#fragmented ? 'm4s' : 'ts'}`;
  }

  restart(firstMsn: number): void {
    this.#prefix += 'x';
    this.#segments = [];
    this.#sequence = 0;
    this.next = firstMsn;
    this.appear();
  }

  playlist(): SourcePlaylist {
    return {
      kind: 'media',
      targetDurationSeconds: 2,
      segments: this.#segments,
      windowSegments: this.#segments.length,
      ended: false,
      unsupported: null,
    };
  }
}
