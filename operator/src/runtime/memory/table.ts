import { isObject, type JsonObject, metadataOf } from './fields.ts';
import type { ServedKind, TableColumn } from './served-kind.ts';

/** What `kubectl get` asks for, so that the server chooses the columns. */
const TABLE_MEDIA_TYPE = /;\s*as=Table\b/;

/** Every table begins with this one. */
const NAME: TableColumn = { name: 'Name', type: 'string', jsonPath: '.metadata.name', description: 'Name.' };
/** The only column of a kind that names none. */
export const AGE_COLUMN: TableColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since it was made.',
};

/** Whether a client wants a table. @param accept the header of that name */
export function wantsTable(accept: string): boolean {
  return TABLE_MEDIA_TYPE.test(accept);
}

/** A meta.k8s.io/v1 Table. @param metadata of the list; empty for one object @param nowMs since the epoch */
export function tableOf(
  { columns = [AGE_COLUMN] }: Pick<ServedKind, 'columns'>,
  objects: readonly JsonObject[],
  metadata: JsonObject,
  nowMs: number,
): JsonObject {
  const all = [NAME, ...columns];
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: all.map(({ name, type, description, priority = 0 }) => ({
      name,
      type: type === 'date' ? 'string' : type,
      format: name === NAME.name ? 'name' : '',
      description,
      priority,
    })),
    rows: objects.map((object) => ({
      cells: all.map((column) => cell(column, object, nowMs)),
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: metadataOf(object) },
    })),
  };
}

function cell({ jsonPath, type }: TableColumn, object: JsonObject, nowMs: number): unknown {
  const value = valueAt(jsonPath, object) ?? null;
  if (type !== 'date' || value === null) return value;
  return duration(Math.max(0, Math.floor((nowMs - Date.parse(String(value))) / 1000)));
}

/** A field, or the field of the item with a certain type: `.a.b`, `.conditions[?(@.type=="Ready")].status`. */
function valueAt(jsonPath: string, object: JsonObject): unknown {
  let value: unknown = object;
  for (const [, name = '', type] of jsonPath.matchAll(/\.(\w+)(?:\[\?\(@\.type=="(\w+)"\)\])?/g)) {
    value = isObject(value) ? value[name] : undefined;
    if (type !== undefined) {
      value = Array.isArray(value) ? value.find((item) => isObject(item) && item.type === type) : undefined;
    }
  }
  return value;
}

/** As kubectl writes ages: two minutes in seconds, three hours in minutes, two days in hours, then days. */
function duration(seconds: number): string {
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 3 * 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
