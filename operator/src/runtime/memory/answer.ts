import { type JsonObject, metadataOf } from './fields.ts';
import { type FieldFault, qualified, qualifiedKind, type ServedKind } from './served-kind.ts';

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
    const { message, reason, retryAfterSeconds, status: code } = this;
    const causes = this.causes.map(({ path, message }) => ({ field: path, message, reason: 'FieldValueInvalid' }));
    const details = { retryAfterSeconds, ...(causes.length === 0 ? {} : { causes }) };
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, details, code };
  }
}

/** The answer where there is no such object. */
export function notFound(kind: ServedKind, name: string): StatusAnswer {
  return new StatusAnswer(404, 'NotFound', `${qualified(kind)} "${name}" not found`);
}

/** The answer to a write that is meant for another state of the object. */
export function conflict(kind: ServedKind, name: string, why: string): StatusAnswer {
  return new StatusAnswer(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`);
}

/** The answer to an object with faults, all of them named. */
export function invalid(kind: ServedKind, object: JsonObject, causes: readonly FieldFault[]): StatusAnswer {
  const texts = causes.map(({ path, message }) => `${path}: ${message}`);
  const text = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const name = `${qualifiedKind(kind)} "${metadataOf(object).name ?? ''}"`;
  return new StatusAnswer(422, 'Invalid', `${name} is invalid: ${text}`, { causes });
}

/** The answer to a strict write with fields that the kind does not have. */
export function unknownFields(kind: ServedKind, object: JsonObject, causes: readonly FieldFault[]): StatusAnswer {
  const fields = causes.map(({ path }) => `unknown field "${path}"`).join(', ');
  const name = `${qualifiedKind(kind)} "${metadataOf(object).name}" in version "${kind.version}"`;
  const message = `${name} cannot be handled: strict decoding error: ${fields}`;
  return new StatusAnswer(400, 'BadRequest', message, { causes });
}
