import type { Attributes } from './attributes.ts';
import { sourceError } from './errors.ts';
import { MAX_LINE_LENGTH } from './lines.ts';

/** Variables of one playlist: sources have a handful, for hosts and tokens. */
const MAX_VARIABLES = 64;

/** Characters of all lines of one playlist that have variables, once these stand for themselves: twice what a text may have. */
const MAX_CHARACTERS = 4 * 1024 * 1024;

/** A Variable Name (RFC 8216bis 4.4.2.3). */
const NAME = /^[\w-]{1,128}$/;

/** A reference to a variable (RFC 8216bis 4.3). */
const REFERENCE = /\{\$([\w-]+)\}/g;

/** What no line may have, nor a quoted string in it (RFC 8216bis 4.1, 4.2). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNQUOTABLE = /["\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Tags with an attribute list of which anything is read. */
const WITH_ATTRIBUTES: ReadonlySet<string> = new Set([
  '#EXT-X-DEFINE',
  '#EXT-X-KEY',
  '#EXT-X-MAP',
  '#EXT-X-STREAM-INF',
  '#EXT-X-MEDIA',
  '#EXT-X-DATERANGE',
]);

/** A variable that a playlist has declared. */
export interface Variable {
  readonly value: string;
  /** It is a part of the URL of a playlist, which viewers may not be allowed to see. */
  readonly isOfUrl: boolean;
}

/** Variables by their names. */
export type Variables = ReadonlyMap<string, Variable>;

function invalid(what: string): never {
  throw sourceError('PLAYLIST_INVALID', `The source's playlist ${what} (EXT-X-DEFINE, RFC 8216bis 4.4.2.3)`);
}

/** A value out of the query of a URL; null where it has none. */
function queryValue(url: string, name: string): string | null {
  const query = URL.parse(url)?.search.slice(1) ?? '';
  const found = query.split('&').find((one) => one.startsWith(`${name}=`));
  if (found === undefined) return null;
  try {
    return decodeURIComponent(found.slice(name.length + 1));
  } catch {
    return null;
  }
}

/** The variables of a playlist while it is read (EXT-X-DEFINE): each stands for itself only behind its declaration. */
export class Definitions {
  readonly #url: string;
  readonly #imports: Variables | null;
  readonly #variables = new Map<string, Variable>();
  #characters = 0;
  /** The line that was read last has a value out of the playlist's URL. */
  #lineShowsUrl = false;

  /**
   * @param url what the playlist was read from, behind all redirects
   * @param imports variables of the multivariant playlist that names it; null where none does
   */
  constructor(url = '', imports: Variables | null = null) {
    this.#url = url;
    this.#imports = imports;
  }

  get variables(): Variables {
    return this.#variables;
  }

  /** Takes an EXT-X-DEFINE. Throws PLAYLIST_INVALID where it declares nothing, or what is declared already. */
  declare(attributes: Attributes): void {
    const [name, variable] = this.#declared(attributes);
    if (!NAME.test(name)) invalid('declares a variable whose name has other characters than a-z, A-Z, 0-9, - and _');
    if (this.#variables.has(name)) invalid(`declares the variable ${name} twice`);
    // A value stands for itself: with what looks like a reference in it, our playlists would have one to nothing.
    if (UNQUOTABLE.test(variable.value) || variable.value.includes('{$'))
      invalid(`gives the variable ${name} a value that cannot stand in a playlist`);
    this.#variables.set(name, variable);
    if (this.#variables.size > MAX_VARIABLES) invalid(`declares more than ${MAX_VARIABLES} variables`);
  }

  /** A line of the playlist with the values of its variables. Throws PLAYLIST_INVALID where one is not declared. */
  applied(line: string): string {
    this.#lineShowsUrl = line.includes('{$') && this.showsUrl(line);
    if (!line.includes('{$')) return line;
    if (!line.startsWith('#')) return this.#counted(this.#replaced(line));
    const colon = line.indexOf(':');
    if (!WITH_ATTRIBUTES.has(line.slice(0, colon))) return line;
    // Quoted strings are every other part. Beside them only a hexadecimal sequence may be a variable.
    const parts = line.split('"').map((part, index) => {
      if (!part.includes('{$')) return part;
      return this.#replaced(part, index % 2 === 1 ? null : /^0[xX][0-9a-fA-F]+$/);
    });
    return this.#counted(parts.join('"'));
  }

  /** Whether a line has a value out of the playlist's URL. */
  showsUrl(line: string): boolean {
    return [...line.matchAll(REFERENCE)].some(([, name = '']) => this.#variables.get(name)?.isOfUrl === true);
  }

  #declared(attributes: Attributes): readonly [string, Variable] {
    const [name, imported, parameter] = ['NAME', 'IMPORT', 'QUERYPARAM'].map((one) => attributes.get(one));
    if (imported !== undefined) {
      if (this.#imports === null)
        invalid(`imports the variable ${imported.slice(0, 128)}, but no multivariant playlist names it`);
      const variable = this.#imports.get(imported);
      return [
        imported,
        variable ??
          invalid(`imports the variable ${imported.slice(0, 128)}, which its multivariant playlist does not have`),
      ];
    }
    if (parameter !== undefined) {
      const value = queryValue(this.#url, parameter);
      if (value === null || value === '')
        invalid(`wants ${parameter.slice(0, 128)} out of the query of its URL, which has none`);
      return [parameter, { value, isOfUrl: true }];
    }
    const value = attributes.get('VALUE');
    if (name === undefined || value === undefined) return invalid('has an EXT-X-DEFINE without NAME and VALUE');
    return [name, { value, isOfUrl: this.#lineShowsUrl }];
  }

  #replaced(text: string, mustBe: RegExp | null = null): string {
    return text.replace(REFERENCE, (_, name: string) => {
      const variable = this.#variables.get(name);
      if (variable === undefined)
        return invalid(`has the variable ${name.slice(0, 128)}, which it does not declare before`);
      if (mustBe !== null && !mustBe.test(variable.value)) return invalid(`has the variable ${name} outside of quotes`);
      return variable.value;
    });
  }

  #counted(line: string): string {
    this.#characters += line.length;
    if (line.length > MAX_LINE_LENGTH || this.#characters > MAX_CHARACTERS) {
      return invalid(
        `has variables that make a line longer than ${MAX_LINE_LENGTH} characters, or all lines longer than ${MAX_CHARACTERS}`,
      );
    }
    return line;
  }
}
