import { z } from 'zod';
import { RuntimeError, type RuntimeErrorOptions } from '../errors/error.ts';

/** The part of a metav1.Status that says what went wrong. */
const statusSchema = z.object({
  reason: z.string().optional(),
  message: z.string().optional(),
  code: z.number().optional(),
  details: z.object({ retryAfterSeconds: z.number().optional() }).optional(),
});

/** Answers after which the same call may succeed: overload, a server that restarts, a lost race. */
const RETRYABLE_STATUS = new Set([408, 409, 410, 429, 500, 502, 503, 504]);

/**
 * The API server refused, or could not be reached. `code` is the Kubernetes reason (`NotFound`, `Conflict`,
 * `AlreadyExists`, `Expired`, `Forbidden`, ...), `NotServed` where the server does not know the kind, `Unreadable`,
 * `UnreadableObject` or `ResponseTooLarge` for an answer that cannot be used, or `Unreachable` / `Timeout` where there
 * was none.
 */
export class ApiError extends RuntimeError {
  override readonly name = 'ApiError';
  /** The fields that are to blame, as far as the server names them. */
  readonly causes: readonly FieldFault[];

  constructor(message: string, { causes = [], ...options }: RuntimeErrorOptions & { causes?: readonly FieldFault[] }) {
    super(message, options);
    this.causes = causes;
  }
}

/** One thing that is wrong with an object (metav1.StatusCause). */
export interface FieldFault {
  /** JSON path of the field, e.g. `spec.template.spec.containers[0].image`. */
  readonly path: string;
  /** What is wrong, and the remedy. */
  readonly message: string;
}

/** The error of an answer with this HTTP status. @param reason as in a metav1.Status */
export function refusal(
  status: number,
  reason: string,
  message: string,
  more: { readonly retryAfterSeconds?: number; readonly causes?: readonly FieldFault[] } = {},
): ApiError {
  const retryable = RETRYABLE_STATUS.has(status) && reason !== 'AlreadyExists';
  return new ApiError(message, { code: reason, retryable, status, ...more });
}

/** The error for an HTTP answer that is none of success. @param body as far as it was read */
export function apiErrorOf(call: string, status: number, retryAfter: string | undefined, body: string): ApiError {
  const parsed = readStatus(body);
  // An object that is missing has a metav1.Status; an unknown kind gets a plain 404 of the HTTP server.
  if (status === 404 && parsed?.reason === undefined) return notServed(call);
  const reason = parsed?.reason ?? reasonOfHttpStatus(status);
  const seconds = Number(retryAfter ?? parsed?.details?.retryAfterSeconds ?? Number.NaN);
  const wait = Number.isFinite(seconds) && seconds >= 0 ? { retryAfterSeconds: seconds } : {};
  return refusal(status, reason, `${call}: ${parsed?.message ?? `HTTP status ${status}`}`, wait);
}

/** The error for a kind that the server does not have. */
export function notServed(call: string): ApiError {
  return new ApiError(
    `${call}: the API server does not serve this kind; are its CustomResourceDefinitions installed?`,
    {
      code: 'NotServed',
      retryable: true,
      status: 404,
    },
  );
}

/** The error for a call that got no answer. */
export function unreachable(call: string, cause: unknown): ApiError {
  const name = typeof cause === 'object' && cause !== null && 'name' in cause ? String(cause.name) : '';
  const timedOut = name.includes('Timeout');
  const code = timedOut ? 'Timeout' : 'Unreachable';
  return new ApiError(`${call}: ${timedOut ? 'no answer in time' : 'the API server cannot be reached'}`, {
    code,
    retryable: true,
    status: 503,
    cause,
  });
}

/** Whether something thrown is the API server's word with this reason. */
export function hasReason(thrown: unknown, reason: string): boolean {
  return thrown instanceof ApiError && thrown.code === reason;
}

/** The error that an ERROR event of a watch carries. */
export function apiErrorOfWatchEvent(call: string, object: unknown): ApiError {
  const parsed = statusSchema.safeParse(object);
  const code = parsed.success ? (parsed.data.code ?? 500) : 500;
  return apiErrorOf(call, code, undefined, JSON.stringify(object ?? {}));
}

function readStatus(body: string): z.infer<typeof statusSchema> | null {
  try {
    const parsed = statusSchema.safeParse(JSON.parse(body));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function reasonOfHttpStatus(status: number): string {
  const reasons: Readonly<Record<number, string>> = {
    400: 'BadRequest',
    401: 'Unauthorized',
    403: 'Forbidden',
    409: 'Conflict',
    410: 'Expired',
    422: 'Invalid',
    429: 'TooManyRequests',
  };
  return reasons[status] ?? 'InternalError';
}
