import type { JsonObject } from './fields.ts';

/** An answer other than success, with the body that the API server gives: a metav1.Status. */
export class StatusAnswer extends Error {
  readonly status: number;
  readonly reason: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfterSeconds?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** The metav1.Status. */
  body(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds: this.retryAfterSeconds } }),
      code: this.status,
    };
  }
}

/** The answer to a version that is no longer kept. */
export function expired(asked: string, oldest: number): StatusAnswer {
  return new StatusAnswer(410, 'Expired', `too old resource version: ${asked} (${oldest})`);
}

/** The answer to a version of the future, with the words by which clients know it. */
export function tooLarge(asked: string, current: number): StatusAnswer {
  return new StatusAnswer(504, 'Timeout', `Too large resource version: ${asked}, current: ${current}`, 1);
}
