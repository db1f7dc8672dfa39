import type { Attributes } from './attributes.ts';
import { sourceError } from './errors.ts';
import { keyTag, readKey, type SourceKey } from './key.ts';
import type { SegmentKey } from './parse.ts';
import { absolute } from './uri.ts';

/**
 * Characters of the URLs and keys that one playlist names, in all: twice what its text may have. A line is short where what
 * it means is long: it is relative to a long URL, or one key is that of ten thousand segments.
 */
const MAX_CHARACTERS = 4 * 1024 * 1024;

/** What the URLs and keys of one playlist mean. What many segments share is read once and kept once. */
export class References {
  readonly #base: string;
  readonly #shared = new Map<string, string>();
  readonly #keys = new Map<Attributes, SourceKey>();
  #characters = 0;

  /** @param base URL of the playlist */
  constructor(base: string) {
    this.#base = base;
  }

  /** A URL of one segment, absolute. Throws PLAYLIST_INVALID. */
  own(uri: string): string {
    const url = absolute(uri, this.#base);
    this.#count(url.length);
    return url;
  }

  /** A URL that other segments have as well, absolute. Throws PLAYLIST_INVALID. */
  shared(uri: string): string {
    const url = this.#shared.get(uri) ?? this.own(uri);
    this.#shared.set(uri, url);
    return url;
  }

  /** The keys of the segment `msn`. Throws PLAYLIST_INVALID. */
  keys(all: readonly Attributes[], msn: number): readonly SegmentKey[] {
    return all.map((attributes) => {
      const key = this.#key(attributes);
      return { method: key.method, uri: key.uri, tag: keyTag(key, msn) };
    });
  }

  /**
   * The keys of an initialization section, as the source writes them: a section has no number that its initialization
   * vector could be, so that IV is required (RFC 8216bis 4.4.4.5); without one, no segment's number may make it another
   * section. Throws PLAYLIST_INVALID.
   */
  sectionKeys(all: readonly Attributes[]): readonly SegmentKey[] {
    return all.map((attributes) => {
      const { method, uri, tag } = this.#key(attributes);
      return { method, uri, tag };
    });
  }

  #key(attributes: Attributes): SourceKey {
    const known = this.#keys.get(attributes);
    if (known !== undefined) return known;
    const key = readKey(attributes, this.#base);
    this.#count(key.tag.length);
    this.#keys.set(attributes, key);
    return key;
  }

  #count(characters: number): void {
    this.#characters += characters;
    if (this.#characters <= MAX_CHARACTERS) return;
    throw sourceError(
      'PLAYLIST_INVALID',
      `The source's playlist names URLs and keys of more than ${MAX_CHARACTERS} characters in all`,
    );
  }
}
