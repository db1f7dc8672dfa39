import { styleText } from 'node:util';

/** What a container has printed is kept up to this: some thousand lines, as much as anybody reads. */
const MAX_LENGTH = 1024 * 1024;

/** The last output of a container, over its restarts. */
export class LogBuffer {
  #text = '';

  /** Adds a line without its line break. */
  add(line: string): void {
    this.#text += `${line}\n`;
    if (this.#text.length > 2 * MAX_LENGTH) this.#text = this.text(); // copied once for each mebibyte
  }

  /** All that is kept, each line with its line break. */
  text(): string {
    const last = this.#text.slice(-MAX_LENGTH);
    return last.length < this.#text.length ? last.slice(last.indexOf('\n') + 1) : last;
  }
}

/** What a container prints, or is said of it, with where it comes from. */
export interface LogLine {
  readonly pod: string;
  /** Empty: the pod as a whole, or what is no pod. */
  readonly container: string;
  readonly text: string;
}

/** Colours by pod, none of which means good or bad. */
const COLOURS = ['cyan', 'magenta', 'blue', 'yellow', 'green', 'cyanBright', 'magentaBright', 'blueBright'] as const;
/** Fields of our programs' log lines that every line has. */
const USUAL_FIELDS = new Set(['level', 'time', 'name', 'msg', 'pid', 'hostname', 'err', 'config']);
/** Longest rest of a line's fields that is shown. */
const MAX_FIELDS_LENGTH = 200;

/**
 * Prints what the containers say, each line with its pod and container in the pod's colour.
 * @param options.all every line, requests too; otherwise what our programs say, and plain text
 */
export function createLogPrinter(
  write: (line: string) => void,
  options: { readonly colour: boolean; readonly all: boolean },
): (line: LogLine) => void {
  const colours = new Map<string, (typeof COLOURS)[number]>();
  return ({ pod, container, text }) => {
    const shown = readable(text, options.all);
    if (shown === null) return;
    const colour = colours.get(pod) ?? COLOURS[colours.size % COLOURS.length] ?? 'cyan';
    colours.set(pod, colour);
    const origin = container === '' ? pod : `${pod}/${container}`;
    write(`${options.colour ? styleText(colour, origin, { validateStream: false }) : origin} ${shown}`);
  };
}

/** A line for people; null for one that is left out. */
function readable(text: string, all: boolean): string | null {
  if (!text.startsWith('{')) return text === '' ? null : text;
  try {
    const fields = JSON.parse(text) as Record<string, unknown>;
    const { level, msg, err } = fields;
    const isAccessLog = typeof msg !== 'string';
    if (isAccessLog || level === 'debug' || level === 'trace') return all ? text : null;
    const rest = Object.entries(fields).filter(([name]) => !USUAL_FIELDS.has(name));
    const shown = rest.map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
    const cause = (err as { message?: unknown } | undefined)?.message;
    const loud = level === 'info' ? '' : `${String(level).toUpperCase()} `;
    return `${loud}${msg}${cause === undefined ? '' : `: ${cause}`}${shown.join('').slice(0, MAX_FIELDS_LENGTH)}`;
  } catch {
    return text;
  }
}
