import { withJoint } from '@sluice/common/mpegts/joint.ts';
import type { ChannelFiles } from '../storage/files.ts';
import type { TimelineEntry } from '../timeline/log.ts';
import { parseSegmentName, segmentName } from '../timeline/names.ts';
import type { PendingSegment } from './pending.ts';
import { type Origin, type Row, SOURCE } from './row.ts';

/** Name of the stored bytes of an origin, before any joint. */
function storedName(uid: string, segment: PendingSegment, origin: Origin): string {
  if (origin === SOURCE) return segment.sourceName;
  const at = origin.lastIndexOf('.');
  const attempt = Number(origin.slice(at + 1));
  return segmentName({ uid, epoch: segment.epoch, rung: origin.slice(0, at), msn: segment.msn, attempt });
}

function attemptOf(origin: Origin): number {
  return origin === SOURCE ? 0 : Number(origin.slice(origin.lastIndexOf('.') + 1));
}

/** What an entry says of the bytes of a segment. */
export type Listing = Pick<TimelineEntry, 'names' | 'map' | 'range' | 'mapRange' | 'keys' | 'mapKeys'>;

/**
 * What is listed of a segment, after every file that it names exists. Throws the errors of the storage; then nothing may
 * be listed.
 */
export async function listingOf(uid: string, row: Row, segment: PendingSegment, files: ChannelFiles): Promise<Listing> {
  if (segment.download.state === 'lost') return { names: gapNames(row, segment), map: null };
  const { range, map, keys, mapKeys } = segment.source;
  const inParts = row.mode === 'Direct';
  return {
    names: await materialise(uid, row, segment, files),
    map: mapOf(row, segment),
    ...(inParts && range !== null ? { range } : {}),
    ...(inParts && map !== null && map.range !== null ? { mapRange: map.range } : {}),
    ...(keys.length === 0 ? {} : { keys: keys.map(({ tag }) => tag) }),
    ...(mapKeys.length === 0 ? {} : { mapKeys: mapKeys.map(({ tag }) => tag) }),
  };
}

/** Nobody reads it, but a player that does not know EXT-X-GAP may try. */
function gapNames(row: Row, { source, sourceName }: PendingSegment): Listing['names'] {
  const name = row.mode === 'Direct' ? source.uri : sourceName;
  return Object.fromEntries(Object.keys(row.origins).map((rung) => [rung, name]));
}

/**
 * Makes every file that an entry names exist, and says the names per rung. A rung that comes from elsewhere than
 * before gets a file of its own: the same bytes behind joint packets (docs/how-it-works.md, "Make before break").
 * Throws the errors of the storage; then nothing may be listed.
 */
async function materialise(
  uid: string,
  row: Row,
  segment: PendingSegment,
  files: ChannelFiles,
): Promise<Readonly<Record<string, string>>> {
  const names: Record<string, string> = {};
  const joined: { name: string; bytes: Uint8Array }[] = [];
  // Packets in front of it would be no part of what a player decrypts.
  const isEncrypted = segment.source.keys.length > 0;
  for (const [rung, origin] of Object.entries(row.origins)) {
    const stored = storedName(uid, segment, origin);
    if (row.mode === 'Direct') {
      names[rung] = segment.source.uri;
    } else if (row.joints.includes(rung) && !isEncrypted) {
      const name = segmentName({ uid, epoch: segment.epoch, rung, msn: segment.msn, attempt: attemptOf(origin) });
      joined.push({ name, bytes: withJoint(await files.read(stored)) });
      names[rung] = name;
    } else {
      names[rung] = stored;
    }
  }
  for (const { name, bytes } of joined) await files.write(name, bytes);
  return names;
}

/** URI of the initialization section that an entry names; null for MPEG-TS. */
function mapOf(row: Row, { source, download }: PendingSegment): string | null {
  if (row.mode === 'Direct') return source.map?.uri ?? null;
  return download.state === 'stored' ? download.map : null;
}

/** Origin of a listed name, to go on after a restart of the sidecar. */
export function originOf(name: string): Origin {
  const id = parseSegmentName(name);
  return id === null || id.attempt === 0 ? SOURCE : `${id.rung}.${id.attempt}`;
}
