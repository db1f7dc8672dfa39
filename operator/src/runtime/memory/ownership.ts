import { sameJson } from '../apply/json.ts';
import { StatusAnswer } from './answer.ts';
import { type FieldPath, fieldAt, fieldsOf, type JsonObject, merge, metadataOf, removeField } from './fields.ts';
import { withKeys, withoutKeys } from './keyed-lists.ts';

/** Part of an object that a request writes. */
export type Part = 'object' | 'status';

/** Fields of an object by owner, `<field manager>/<part>`. */
export type Owners = ReadonlyMap<string, ReadonlySet<FieldPath>>;

/** An object and who owns what in it. */
export interface Owned {
  readonly object: JsonObject;
  readonly owners: Owners;
}

/** Set by the server, so no field manager owns them. */
const IDENTITY = [
  'apiVersion',
  'kind',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'metadata.resourceVersion',
];
const IDENTITY_PATHS = new Set(IDENTITY.map((path) => JSON.stringify(path.split('.'))));

/** The fields that a field manager owns after it has applied or created `wanted`. */
export function ownedFields(wanted: JsonObject): ReadonlySet<FieldPath> {
  return new Set(fieldsOf(withKeys(wanted)).filter((path) => !IDENTITY_PATHS.has(path)));
}

/**
 * Server-side apply (KEP-555): sets the fields of `wanted`, removes those that this owner set before and no longer
 * does, unless somebody else owns them too; who else owned a field that changes loses it.
 * @throws StatusAnswer 409 for a field of another manager without `force`
 */
export function applied(before: Owned, owner: string, wanted: JsonObject, force: boolean): Owned {
  const fields = ownedFields(wanted);
  const over = withKeys(wanted);
  const base = withKeys(structuredClone(before.object));
  if (!force) refuseConflicts({ object: base, owners: before.owners }, owner, over, fields);
  const next = merge(base, over) as JsonObject;
  const others = [...before.owners].filter(([name]) => name !== owner);
  const isOwned = (path: FieldPath) => fields.has(path) || others.some(([, paths]) => paths.has(path));
  for (const path of before.owners.get(owner) ?? []) {
    const isParent = [...fields].some((field) => field.startsWith(`${path.slice(0, -1)},`));
    if (!isOwned(path) && !isParent) removeField(next, path, isOwned);
  }
  const taken = [...fields].filter((path) => !sameJson(fieldAt(base, path), fieldAt(next, path)));
  return { object: withoutKeys(next, over), owners: new Map([...without(others, taken), [owner, fields]]) };
}

/** Owners after a write that is no apply: who owned a field that has changed loses it. */
export function afterUpdate({ object, owners }: Owned, next: JsonObject): Owners {
  const [was, is] = [withKeys(object), withKeys(next)];
  const lost = [...owners.values()].flatMap((paths) =>
    [...paths].filter((path) => !sameJson(fieldAt(was, path), fieldAt(is, path))),
  );
  return new Map(without([...owners], lost));
}

/** metadata.managedFields without the fields themselves, which nobody here reads. */
export function managedFields(owners: Owners): readonly JsonObject[] {
  return [...owners.keys()].map((owner) => {
    const slash = owner.lastIndexOf('/');
    const isStatus = owner.slice(slash + 1) === 'status';
    return { manager: owner.slice(0, slash), operation: 'Apply', ...(isStatus ? { subresource: 'status' } : {}) };
  });
}

function without(
  owners: readonly (readonly [string, ReadonlySet<FieldPath>])[],
  lost: readonly FieldPath[],
): [string, ReadonlySet<FieldPath>][] {
  const gone = new Set(lost);
  return owners
    .map(([name, paths]): [string, ReadonlySet<FieldPath>] => [
      name,
      new Set([...paths].filter((path) => !gone.has(path))),
    ])
    .filter(([, paths]) => paths.size > 0);
}

function refuseConflicts(before: Owned, owner: string, wanted: JsonObject, fields: ReadonlySet<FieldPath>): void {
  for (const [other, paths] of before.owners) {
    const clash = [...fields].find(
      (path) => other !== owner && paths.has(path) && !sameJson(fieldAt(wanted, path), fieldAt(before.object, path)),
    );
    if (clash !== undefined) {
      const path = (JSON.parse(clash) as string[]).join('.');
      const name = String(metadataOf(before.object).name);
      throw new StatusAnswer(409, 'Conflict', `Apply of "${name}" failed: conflict with "${other}": .${path}`);
    }
  }
}
