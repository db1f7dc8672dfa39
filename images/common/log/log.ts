import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** Levels of a log, least talkative first. */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** What a program says of its log. */
export interface LoggerOptions {
  /** The program's name, in every line. */
  readonly name: string;
  /** Least level that is written, one of {@link LOG_LEVELS}. */
  readonly level: string;
  /** Which one of its kind the program is, in every line: `pod`, `edge`, `session`. */
  readonly fields?: Readonly<Record<string, string | number>>;
}

/**
 * Fields that are never written, whoever logs them: credentials of sources, agents and of the API server. Redaction is
 * a second net below the rule that such values are not logged at all; its cost is paid only for lines that are written.
 */
const SECRET_FIELDS = ['authorization', 'Authorization', 'headers', 'token', 'password', 'signature'];
const REDACTED_PATHS = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

/**
 * A logger that writes one JSON object per line to stdout: RFC 3339 `time`, `level` as a word, `name`, `msg`, and an
 * error's message, code and stack under `err`.
 *
 * @param destination replaces stdout, for tests
 * @throws Error if `level` is not one of {@link LOG_LEVELS}
 */
export function createLogger(options: LoggerOptions, destination?: DestinationStream): Logger {
  const settings = {
    name: options.name,
    level: options.level,
    base: { name: options.name, ...options.fields },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
  };
  return destination === undefined ? pino(settings) : pino(settings, destination);
}

/**
 * A URI fit for logs and messages: without user, password, query and fragment, where tokens live.
 * Text that is no absolute URI gives `(not a URL)`.
 */
export function redactUri(uri: string): string {
  try {
    const { protocol, host, pathname, search } = new URL(uri);
    return `${protocol}//${host}${pathname}${search === '' ? '' : '?…'}`;
  } catch {
    return '(not a URL)';
  }
}
