import { createHash } from 'node:crypto';
import type { SegmentExtension } from '../source/segment-kind.ts';

/** Bytes of SHA-256 in the name of an initialization section: no two of one channel ever share them. */
const MAP_NAME_BYTES = 8;

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
 * `s/<first 8 of the uid>.<epoch>/<rung>/<msn>.<attempt>.<extension>`. It never means other bytes once it is listed.
 */
export function segmentName(id: SegmentId, extension: SegmentExtension = 'ts'): string {
  return `s/${id.uid.slice(0, 8)}.${id.epoch}/${id.rung}/${id.msn}.${id.attempt}.${extension}`;
}

/**
 * URI of a stored Media Initialization Section of the source, or of a rung, beside its segments: named by its bytes,
 * because sources use one name for all of theirs, and encoder runs write the same one again and again.
 */
export function mapName(uid: string, epoch: number, bytes: Uint8Array, rung = 'source'): string {
  const digest = createHash('sha256')
    .update(bytes)
    .digest('hex')
    .slice(0, 2 * MAP_NAME_BYTES);
  return `s/${uid.slice(0, 8)}.${epoch}/${rung}/${digest}.mp4`;
}

/** Whether a URI names a file of ours, and not the source's own URL. */
export function isStoredName(name: string): boolean {
  return name.startsWith('s/');
}

const NAME = /^s\/[^/]+\.(\d+)\/([a-z0-9-]+)\/(\d+)\.(\d+)\.(?:ts|m4s|aac|vtt)$/;

/** Reads a name back; null for a source's URL and anything else that is no stored segment. */
export function parseSegmentName(name: string): Omit<SegmentId, 'uid'> | null {
  const match = NAME.exec(name);
  if (match === null) return null;
  const [, epoch, rung, msn, attempt] = match;
  return { epoch: Number(epoch), rung: rung ?? '', msn: Number(msn), attempt: Number(attempt) };
}
