/** Reads metadata of an object that may be anything, so that even an unreadable object can be named and removed. */

/** What identifies an object; empty where it is missing or no text. */
export interface RawMetadata {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** Never throws. */
export function rawMetadataOf(raw: unknown): RawMetadata {
  const metadata = typeof raw === 'object' && raw !== null && 'metadata' in raw ? raw.metadata : undefined;
  const fields = typeof metadata === 'object' && metadata !== null ? (metadata as Record<string, unknown>) : {};
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  return {
    namespace: text(fields.namespace),
    name: text(fields.name),
    uid: text(fields.uid),
    resourceVersion: text(fields.resourceVersion),
  };
}
