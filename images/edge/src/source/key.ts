import type { Attributes } from './attributes.ts';
import { sourceError } from './errors.ts';

/** How segments are encrypted (EXT-X-KEY, RFC 8216bis 4.4.4.4); never `NONE`. */
export interface SourceKey {
  readonly method: string;
  /** Absolute URL, or whatever a DRM system writes (`skd:`, `data:`, `urn:`). */
  readonly uri: string;
  /** Whether the initialization vector is the segment's number, because none is named (RFC 8216bis 5.2). */
  readonly isNumbered: boolean;
  /** The EXT-X-KEY line as the source writes it, with an absolute URI. */
  readonly tag: string;
}

/** KEYFORMAT of a key that names none: 16 bytes in one file. */
export const IDENTITY = 'identity';

/** METHODs whose initialization vector may be the segment's number; with SAMPLE-AES-CTR an IV must not be named at all. */
const NUMBERED: ReadonlySet<string> = new Set(['AES-128', 'SAMPLE-AES']);

/** Hex digits of an initialization vector. */
const IV_DIGITS = 32;

/** Characters of a key's attributes: a line of a source's, which grows where its URI becomes absolute. */
const MAX_LENGTH = 9_000;

/** What a key's URI may begin with: those of the web, and those of FairPlay, Widevine and PlayReady. */
const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:', 'skd:', 'data:', 'urn:']);

/** Attributes that stand without quotes, and what they may be. All others are quoted. */
const BARE: Readonly<Record<string, RegExp>> = {
  METHOD: /^[A-Z0-9-]{1,32}$/,
  IV: /^0[xX][0-9a-fA-F]{1,32}$/,
  KEYID: /^0[xX][0-9a-fA-F]{1,64}$/,
};

const NAME = /^[A-Z0-9-]{1,64}$/;

/** What no quoted string may have (RFC 8216bis 4.2), nor a line of ours. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNQUOTABLE = /["\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

function invalid(what: string): never {
  throw sourceError('PLAYLIST_INVALID', `The source's playlist has an EXT-X-KEY ${what}`);
}

function absolute(uri: string, base: string): string {
  const url = URL.parse(uri, base);
  if (url === null || !SCHEMES.has(url.protocol)) return invalid('whose URI is none of http, https, skd, data and urn');
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : uri;
}

function attributeText(name: string, value: string): string {
  const bare = BARE[name];
  if (bare?.test(value)) return `${name}=${value}`;
  if (bare !== undefined || !NAME.test(name) || UNQUOTABLE.test(value))
    return invalid(`with a wrong ${name.slice(0, 64)}`);
  return `${name}="${value}"`;
}

/** Reads the attributes of an EXT-X-KEY in a playlist from the URL `base`. Throws PLAYLIST_INVALID. */
export function readKey(attributes: Attributes, base: string): SourceKey {
  const [method, named] = [attributes.get('METHOD'), attributes.get('URI')];
  if (method === undefined) return invalid('without METHOD');
  if (named === undefined) return invalid('without URI');
  const uri = absolute(named, base);
  const list = [...attributes].map(([name, value]) => attributeText(name, name === 'URI' ? uri : value)).join(',');
  if (list.length > MAX_LENGTH) return invalid(`of more than ${MAX_LENGTH} characters`);
  return {
    method,
    uri,
    tag: `#EXT-X-KEY:${list}`,
    isNumbered: NUMBERED.has(method) && (attributes.get('KEYFORMAT') ?? IDENTITY) === IDENTITY && !attributes.has('IV'),
  };
}

/**
 * The tag for a segment with the number `msn` at its source, whose initialization vector is written out: our own numbers
 * are others.
 */
export function keyTag({ tag, isNumbered }: SourceKey, msn: number): string {
  // Not joined anew: texts of thousands of segments then share the long part.
  return isNumbered ? `${tag},IV=0x${msn.toString(16).padStart(IV_DIGITS, '0')}` : tag;
}
