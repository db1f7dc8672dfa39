/** Levels of objects and lists that any message between our programs has, twice over. */
const MAX_LEVELS = 24;

/** Shorter texts are read as they are: a thousand levels cost nothing worth a look at each character. */
const HARMLESS_LENGTH = 16 * 1024;

const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = '\\'.charCodeAt(0);
/** Brackets and braces differ by this bit alone (ASCII). */
const BRACE_BIT = 0x20;
const OPENING = '{'.charCodeAt(0);
const CLOSING = '}'.charCodeAt(0);

/**
 * Reads JSON that others have written. Four megabytes of brackets take the parser half a second and 270 MB, a thousand times
 * what they take to be looked at: nothing that is meant well has so many levels.
 * @throws SyntaxError where it is no JSON, or nests deeper than any message
 */
export function parseShallow(text: string): unknown {
  if (text.length > HARMLESS_LENGTH && nests(text)) throw new SyntaxError(`more than ${MAX_LEVELS} levels`);
  return JSON.parse(text);
}

function nests(text: string): boolean {
  let levels = 0;
  let isString = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (isString) {
      if (code === BACKSLASH) at += 1;
      else if (code === QUOTE) isString = false;
    } else if (code === QUOTE) isString = true;
    else if ((code | BRACE_BIT) === OPENING) levels += 1;
    else if ((code | BRACE_BIT) === CLOSING) levels -= 1;
    if (levels > MAX_LEVELS) return true;
  }
  return false;
}
