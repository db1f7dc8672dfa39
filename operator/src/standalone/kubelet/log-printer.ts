import { styleText } from 'node:util';
import type { LogLine } from './pod-worker.ts';

/** Colours by pod, none of which means good or bad. */
const COLOURS = ['cyan', 'magenta', 'blue', 'yellow', 'green', 'cyanBright', 'magentaBright', 'blueBright'] as const;

/** Fields of our programs' log lines that every line has. */
const USUAL_FIELDS = new Set(['level', 'time', 'name', 'msg', 'pid', 'hostname', 'err', 'config']);

/** Longest rest of a line's fields that is shown. */
const MAX_FIELDS_LENGTH = 200;

/** How lines are shown. */
export interface PrinterOptions {
  readonly colour: boolean;
  /** Every line, requests too; otherwise what our programs say, and plain text. */
  readonly all: boolean;
}

/** Prints what the containers say, each line with its pod and container in the pod's colour. */
export function createLogPrinter(write: (line: string) => void, options: PrinterOptions): (line: LogLine) => void {
  const colours = new Map<string, (typeof COLOURS)[number]>();
  return ({ pod, container, text, isNote }) => {
    const shown = isNote ? text : readable(text, options.all);
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
    if (typeof msg !== 'string') return all ? text : null; // an access log
    if (level === 'debug' || level === 'trace') return all ? text : null;
    const rest = Object.entries(fields).filter(([name]) => !USUAL_FIELDS.has(name));
    const shown = rest.map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
    const cause = (err as { message?: unknown } | undefined)?.message;
    const words = [
      level === 'info' ? '' : `${String(level).toUpperCase()} `,
      msg,
      cause === undefined ? '' : `: ${cause}`,
    ];
    return words.join('') + shown.join('').slice(0, MAX_FIELDS_LENGTH);
  } catch {
    return text;
  }
}
