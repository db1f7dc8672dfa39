import { type JsonObject, metadataOf } from './fields.ts';
import { qualified, type ServedKind } from './served-kind.ts';

/** One thing that is wrong with an object. */
export interface FieldFault {
  /** JSON path of the field, e.g. `spec.template.spec.containers[0].image`. */
  readonly path: string;
  /** What is wrong, and the remedy. */
  readonly message: string;
}

/** An answer of an API server other than success. */
export class StatusAnswer extends Error {
  /** As in HTTP. */
  readonly status: number;
  /** One word, as in a metav1.Status. */
  readonly reason: string;
  /** The fields that are to blame, if any. */
  readonly causes: readonly FieldFault[];

  constructor(status: number, reason: string, message: string, causes: readonly FieldFault[] = []) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.causes = causes;
  }
}

/** The answer to a write that is meant for another state of the object. */
export function conflict(kind: ServedKind, name: unknown, why: string): StatusAnswer {
  return new StatusAnswer(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`);
}

/** The answer to an object with faults, all of them named. */
export function invalid(
  { kind }: Pick<ServedKind, 'kind'>,
  object: JsonObject,
  causes: readonly FieldFault[],
): StatusAnswer {
  const texts = causes.map(({ path, message }) => `${path}: ${message}`).join(', ');
  return new StatusAnswer(422, 'Invalid', `${kind} "${metadataOf(object).name ?? ''}" is invalid: ${texts}`, causes);
}
