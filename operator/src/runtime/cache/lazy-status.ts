import { sameJson } from '../apply/json.ts';
import type { KubernetesObject, ResourceType } from '../client/client.ts';

/** What in metadata changes without a new generation; what is not here never does, or follows the object. */
const LOOSE_FIELDS = ['labels', 'annotations', 'finalizers', 'ownerReferences', 'deletionTimestamp'] as const;

/**
 * A new version of an object of which nothing but the status has changed, made of what is known: most of what a
 * controller hears are such echoes of its own writes. The status is read when somebody asks for it, which the one who
 * wrote it hardly does. For kinds whose `generation` moves with every change of the spec (API conventions, "Metadata").
 * @param raw the new version, as the API server sent it, without ballast
 * @returns null where more may have changed: the object has to be read as a whole
 */
export function withLazyStatus<T extends KubernetesObject>(type: ResourceType<T>, known: T, raw: unknown): T | null {
  const { parseStatus } = type;
  if (parseStatus === undefined || known.metadata.generation === undefined) return null;
  if (!isRecord(raw) || !isRecord(raw.metadata)) return null;
  const { metadata, status } = raw;
  const { resourceVersion, uid, generation } = metadata;
  if (typeof resourceVersion !== 'string' || uid !== known.metadata.uid) return null;
  if (generation !== known.metadata.generation || !sameLooseFields(known.metadata, metadata)) return null;
  const object: Record<string, unknown> = {};
  for (const field of Object.keys(known)) if (field !== 'status') object[field] = known[field as keyof T];
  object.metadata = { ...known.metadata, resourceVersion };
  if (status === undefined) return object as unknown as T;
  return defineStatus(object, status, parseStatus) as unknown as T;
}

/** Apart, so that what it keeps of a version is that version's status alone. */
function defineStatus(object: object, raw: unknown, parse: (raw: unknown) => unknown): object {
  let status = raw;
  let isRead = false;
  return Object.defineProperty(object, 'status', {
    enumerable: true,
    get: () => {
      if (!isRead) status = parse(status);
      isRead = true;
      return status;
    },
  });
}

function sameLooseFields(known: object, raw: Readonly<Record<string, unknown>>): boolean {
  return LOOSE_FIELDS.every((field) => sameJson((known as Readonly<Record<string, unknown>>)[field], raw[field]));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
