import { StatusAnswer } from './answer.ts';
import { type JsonObject, metadataOf } from './fields.ts';
import { type FieldFault, qualified, qualifiedKind, type ServedKind } from './served-kind.ts';

/** A body that names a version or uid is meant for that one only. @throws StatusAnswer 409 */
export function requireSame(kind: ServedKind, stored: JsonObject, body: JsonObject): void {
  const { resourceVersion, uid, name } = metadataOf(body);
  const is = metadataOf(stored);
  if (resourceVersion !== undefined && resourceVersion !== is.resourceVersion) {
    throw conflict(kind, String(name), 'the object has been modified');
  }
  if (uid !== undefined && uid !== is.uid) throw conflict(kind, String(name), `its uid is ${is.uid}, not ${uid}`);
}

/** The answer where there is no such object. */
export function notFound(kind: ServedKind, name: string): StatusAnswer {
  return new StatusAnswer(404, 'NotFound', `${qualified(kind)} "${name}" not found`);
}

/** The answer to a write that is meant for another state of the object. */
export function conflict(kind: ServedKind, name: string, why: string): StatusAnswer {
  return new StatusAnswer(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`);
}

/** @throws StatusAnswer 422 if there is a fault, with all of them */
export function refuseFaults(kind: ServedKind, object: JsonObject, faults: readonly FieldFault[]): void {
  if (faults.length === 0) return;
  const texts = faults.map(({ path, message }) => `${path}: ${message}`);
  const text = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const name = `${qualifiedKind(kind)} "${metadataOf(object).name}"`;
  throw new StatusAnswer(422, 'Invalid', `${name} is invalid: ${text}`, { causes: faults });
}

/** In a strict write a field that the kind does not have is an error. @throws StatusAnswer 400 */
export function refuseUnknownFields(
  kind: ServedKind,
  body: JsonObject,
  { strict = false }: { strict?: boolean },
): void {
  const causes = strict ? (kind.unknownFields?.(body) ?? []) : [];
  if (causes.length === 0) return;
  const fields = causes.map(({ path }) => `unknown field "${path}"`).join(', ');
  const name = `${qualifiedKind(kind)} "${metadataOf(body).name}" in version "${kind.version}"`;
  throw new StatusAnswer(400, 'BadRequest', `${name} cannot be handled: strict decoding error: ${fields}`, { causes });
}
