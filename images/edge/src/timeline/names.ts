/** What identifies a stored segment of a channel; `attempt` 0 is bytes of the source, others are transcode attempts. */
export interface SegmentId {
  readonly uid: string;
  readonly epoch: number;
  readonly rung: string;
  readonly msn: number;
  readonly attempt: number;
}

/**
 * URI of a stored segment relative to the channel's URL, which is also its path below the channel's folder:
 * `s/<first 8 of the uid>.<epoch>/<rung>/<msn>.<attempt>.ts`. It never means other bytes once it is listed.
 */
export function segmentName(id: SegmentId): string {
  return `s/${id.uid.slice(0, 8)}.${id.epoch}/${id.rung}/${id.msn}.${id.attempt}.ts`;
}

const NAME = /^s\/[^/]+\.(\d+)\/([a-z0-9-]+)\/(\d+)\.(\d+)\.ts$/;

/** Reads a name back; null for a source's URL and anything else that is no stored segment. */
export function parseSegmentName(name: string): Omit<SegmentId, 'uid'> | null {
  const match = NAME.exec(name);
  if (match === null) return null;
  const [, epoch, rung, msn, attempt] = match;
  return { epoch: Number(epoch), rung: rung ?? '', msn: Number(msn), attempt: Number(attempt) };
}
