/** Fields of a {@link SluiceError} beside its message. */
export interface SluiceErrorOptions {
  /** Stable machine-readable name in UPPER_SNAKE_CASE, e.g. `SOURCE_UNREACHABLE`; never reused for another meaning. */
  readonly code: string;
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** HTTP status that an API answers with when this error reaches its border; 500 if left out. */
  readonly status?: number;
  /** Seconds after which a retry makes sense; sent as Retry-After where the error reaches a client. */
  readonly retryAfterSeconds?: number;
  /** What caused it; never sent to clients. */
  readonly cause?: unknown;
}

/**
 * The error that every part of Sluice throws. Callers decide by `code` and `retryable`, never by the message,
 * which is written for people: it names the field or the object, and the remedy where there is one.
 */
export class SluiceError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, options: SluiceErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SluiceError';
    this.code = options.code;
    this.retryable = options.retryable;
    this.status = options.status ?? 500;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** The message of anything that was thrown, for logs and conditions. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) {
    return thrown.cause instanceof Error && thrown.cause.message !== ''
      ? `${thrown.message}: ${thrown.cause.message}`
      : thrown.message;
  }
  return String(thrown);
}
