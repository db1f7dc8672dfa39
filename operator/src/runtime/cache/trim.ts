const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * The object without what no controller reads but what makes up half of its size in memory: managedFields and
 * kubectl's copy of the last manifest. Returns anything that is no object as it is.
 */
export function withoutBallast(raw: unknown): unknown {
  if (!isRecord(raw) || !isRecord(raw.metadata)) return raw;
  const { managedFields: _dropped, ...metadata } = raw.metadata;
  if (isRecord(metadata.annotations) && LAST_APPLIED in metadata.annotations) {
    const { [LAST_APPLIED]: _copy, ...annotations } = metadata.annotations;
    metadata.annotations = annotations;
  }
  return { ...raw, metadata };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
