import type { JsonObject } from './fields.ts';
import type { FieldFault } from './served-kind.ts';

/** What an answer may say beyond its message. */
export interface StatusDetails {
  readonly retryAfterSeconds?: number | undefined;
  readonly causes?: readonly FieldFault[];
}

/** An answer other than success, with the body that the API server gives: a metav1.Status. */
export class StatusAnswer extends Error {
  readonly status: number;
  readonly reason: string;
  readonly retryAfterSeconds: number | undefined;
  /** The fields that are to blame, if any. */
  readonly causes: readonly FieldFault[];

  constructor(status: number, reason: string, message: string, more: StatusDetails = {}) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterSeconds = more.retryAfterSeconds;
    this.causes = more.causes ?? [];
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
      ...this.#details(),
      code: this.status,
    };
  }

  #details(): JsonObject {
    const { retryAfterSeconds, causes } = this;
    if (retryAfterSeconds === undefined && causes.length === 0) return {};
    const all = causes.map(({ path, message }) => ({ field: path, message, reason: 'FieldValueInvalid' }));
    return {
      details: {
        ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
        ...(all.length === 0 ? {} : { causes: all }),
      },
    };
  }
}

/** The answer to a version that is no longer kept. */
export function expired(asked: string, oldest: number): StatusAnswer {
  return new StatusAnswer(410, 'Expired', `too old resource version: ${asked} (${oldest})`);
}

/** The answer to a version of the future, with the words by which clients know it. */
export function tooLarge(asked: string, current: number): StatusAnswer {
  return new StatusAnswer(504, 'Timeout', `Too large resource version: ${asked}, current: ${current}`, {
    retryAfterSeconds: 1,
  });
}
