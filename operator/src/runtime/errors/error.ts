/** Fields of a {@link RuntimeError} beside its message. */
export interface RuntimeErrorOptions {
  /** Stable machine-readable name. */
  readonly code: string;
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** HTTP status of the answer that it stands for. */
  readonly status?: number;
  /** Seconds after which a retry makes sense. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** The error that every part of the runtime throws. Decide by `code` and `retryable`, never by the message. */
export class RuntimeError extends Error implements TypedError {
  readonly code: string;
  readonly retryable: boolean;
  readonly status: number | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, options: RuntimeErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RuntimeError';
    this.code = options.code;
    this.retryable = options.retryable;
    this.status = options.status;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/**
 * What the runtime asks of an error to know it for one that was foreseen: its own are, and those of its user that have
 * these fields, whatever their class.
 */
export interface TypedError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly retryAfterSeconds?: number | undefined;
}

/** Whether something thrown says what it is and whether to try again; if not, it is a fault of the program. */
export function isTypedError(thrown: unknown): thrown is TypedError {
  return (
    thrown instanceof Error &&
    'code' in thrown &&
    typeof thrown.code === 'string' &&
    'retryable' in thrown &&
    typeof thrown.retryable === 'boolean'
  );
}

/** The message of anything that was thrown, with that of its cause. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const { cause } = thrown;
  return cause instanceof Error && cause.message !== '' ? `${thrown.message}: ${cause.message}` : thrown.message;
}
