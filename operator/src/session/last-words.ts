import { limited } from '../channel/build/text.ts';

/** Longest quotation of a log: a sentence or two, beside what a condition says of its own. */
const QUOTE_LENGTH = 300;

/** Levels of log lines (pino) that say what went wrong. */
const GRAVE_LEVELS = new Set<unknown>(['warn', 'error', 'fatal']);

interface Line {
  readonly text: string;
  readonly isGrave: boolean;
}

/**
 * What a container said last, as a sentence for people. The kubelet gives the message that the container left, or the
 * end of its log (80 lines or 2048 bytes, with `terminationMessagePolicy: FallbackToLogsOnError`): JSON lines, of which
 * the first may be cut off, and plain lines of a program that could not even log. The last that tells of trouble wins.
 * @returns at most 300 characters without line breaks; empty if it said nothing
 */
export function lastWords(message: string): string {
  const lines = message.split('\n').flatMap((line) => lineOf(line.trim()) ?? []);
  const last = lines.findLast(({ isGrave }) => isGrave) ?? lines.at(-1);
  return limited(last?.text.replace(/\p{Cc}+/gu, ' ') ?? '', QUOTE_LENGTH);
}

/** Null for empty lines and broken pieces of JSON. */
function lineOf(line: string): Line | null {
  if (line === '') return null;
  if (!line.startsWith('{')) return line.endsWith('}') ? null : { text: line, isGrave: true };
  try {
    const { level, msg, err } = JSON.parse(line);
    const cause = typeof err?.message === 'string' ? `: ${err.message}` : '';
    return typeof msg === 'string' ? { text: msg + cause, isGrave: GRAVE_LEVELS.has(level) } : null;
  } catch {
    return null;
  }
}
