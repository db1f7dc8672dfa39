import { StatusAnswer } from '../../runtime/memory/answer.ts';
import { isObject, type JsonObject, metadataOf } from '../../runtime/memory/fields.ts';
import type { ObjectStore } from '../../runtime/memory/object-store.ts';
import { apiVersionOf, qualified, type ServedKind } from '../../runtime/memory/served-kind.ts';
import type { InputDocument, InputFault } from './document.ts';

/** An object out of a file, ready to be applied. */
export interface InputObject {
  readonly kind: ServedKind;
  readonly object: JsonObject;
  /** The same for the same object in whatever file. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  /** For messages, e.g. `Channel demo/film`. */
  readonly label: string;
}

/** Who owns the fields that the files set. */
const FIELD_MANAGER = 'standalone-input';
/** The namespace of objects that name none, as with kubectl. */
const DEFAULT_NAMESPACE = 'default';
/** Names and namespaces are parts of paths and URLs (RFC 1123 subdomain). */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Checks a document as far as one can without applying it. @returns the object, or what is wrong with it */
export function inputObject(store: ObjectStore, document: InputDocument): InputObject | InputFault[] {
  const { apiVersion, kind: kindName } = document.object;
  const kind = store.kinds.find((each) => each.kind === kindName && apiVersionOf(each) === apiVersion);
  if (kind === undefined) {
    const known = store.kinds.map((each) => `${each.kind} (${apiVersionOf(each)})`).join(', ');
    return [
      faultAt(document, 'kind', `${String(kindName)} (${String(apiVersion)}) is not known here; known: ${known}`),
    ];
  }
  const metadata = metadataOf(document.object);
  const name = String(metadata.name ?? '');
  const namespace = kind.namespaced ? String(metadata.namespace ?? DEFAULT_NAMESPACE) : '';
  const bad = Object.entries({ name, ...(kind.namespaced ? { namespace } : {}) }).filter(
    ([, text]) => !NAME.test(text),
  );
  if (bad.length > 0) {
    const remedy = 'use lower-case letters, digits and dashes, with a letter or digit at both ends';
    return bad.map(([field, text]) => faultAt(document, `metadata.${field}`, `"${text}" is no name: ${remedy}`));
  }
  const named = { ...metadata, name, ...(kind.namespaced ? { namespace } : {}) };
  const label = `${kind.kind} ${namespace === '' ? name : `${namespace}/${name}`}`;
  const key = `${qualified(kind)}/${namespace}/${name}`;
  return { kind, object: { ...document.object, metadata: named }, key, namespace, name, label };
}

/** What the store would say to an object; empty if it would take it. */
export function trialFaults(store: ObjectStore, input: InputObject, document: InputDocument): InputFault[] {
  try {
    store.apply(input.kind, 'object', input.object, FIELD_MANAGER, true, { dryRun: true, strict: true });
    return [];
  } catch (error) {
    if (!(error instanceof StatusAnswer)) throw error;
    if (error.causes.length === 0) return [faultAt(document, '', error.message)];
    return error.causes.map(({ path, message }) => faultAt(document, path, message));
  }
}

/** Makes the store hold the object as the file has it. @throws StatusAnswer */
export function applyObject(store: ObjectStore, { kind, object }: InputObject): void {
  store.apply(kind, 'object', object, FIELD_MANAGER, true);
}

/** Deletes an object that no file has any more; one that is gone already is fine. */
export function deleteObject(store: ObjectStore, { kind, namespace, name }: InputObject): void {
  try {
    store.delete(kind, namespace, name, undefined);
  } catch (error) {
    if (!(error instanceof StatusAnswer && error.status === 404)) throw error;
  }
}

/** A fault of a document at the line of a field. */
export function faultAt(document: InputDocument, field: string, message: string): InputFault {
  return { file: document.file, line: document.lineOf(field), field, message };
}

/** Whether a document became an object. */
export function isInputObject(value: InputObject | InputFault[]): value is InputObject {
  return isObject(value);
}
