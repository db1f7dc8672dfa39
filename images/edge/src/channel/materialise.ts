import { withJoint } from '@sluice/common/mpegts/joint.ts';
import { extensionOf } from '../source/segment-kind.ts';
import type { ChannelFiles } from '../storage/files.ts';
import type { BesideBytes, SegmentBytes, TimelineEntry, TimelineLog } from '../timeline/log.ts';
import { parseSegmentName, segmentName } from '../timeline/names.ts';
import { type BesideSegment, type Fetchable, isMissing, type PendingSegment } from './pending.ts';
import { type Origin, type Row, SOURCE } from './row.ts';

/** Name of the stored bytes of an origin, before any joint. */
function storedName(uid: string, segment: PendingSegment, origin: Origin): string {
  if (origin === SOURCE) return segment.sourceName;
  const id = { uid, epoch: segment.epoch, rung: encodedRung(origin), msn: segment.msn, attempt: attemptOf(origin) };
  return segmentName(id, extensionOf(segment.source));
}

/** The rung that an encoder has made it for. */
function encodedRung(origin: Origin): string {
  return origin.slice(0, origin.lastIndexOf('.'));
}

function attemptOf(origin: Origin): number {
  return origin === SOURCE ? 0 : Number(origin.slice(origin.lastIndexOf('.') + 1));
}

/** Initialization sections of what a transcoder has stored of a segment, by rung; of MPEG-TS none. */
export type RungSections = ReadonlyMap<string, string>;

/** What an entry says of the bytes of a segment. */
export type Listing = Pick<TimelineEntry, keyof SegmentBytes | 'names' | 'beside'>;

/**
 * What is listed of a segment, after every file that it names exists. Throws the errors of the storage; then nothing may
 * be listed.
 */
export async function listingOf(
  uid: string,
  row: Row,
  segment: PendingSegment,
  files: ChannelFiles,
  sections: RungSections,
): Promise<Listing> {
  const beside = namesBeside(row, segment);
  if (segment.download.state === 'lost') return { names: { ...gapNames(row, segment), ...beside }, map: null };
  const names = { ...(await materialise(uid, row, segment, files)), ...beside };
  return { names, ...bytesIn(row, segment), ...bytesBeside(row, segment, sections) };
}

/** How one file of the source is read: in Direct at the source, in parts if it names them so. */
function bytesIn(row: Row, one: Fetchable): SegmentBytes {
  const { range, map, keys, mapKeys } = one.source;
  const inParts = row.mode === 'Direct';
  return {
    map: mapOf(row, one),
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
  // Packets in front of it would be no part of what a player decrypts; fragmented MP4 has none, and needs none.
  const mayJoin = segment.source.keys.length === 0 && segment.source.map === null;
  for (const [rung, origin] of Object.entries(row.origins)) {
    const stored = storedName(uid, segment, origin);
    if (row.mode === 'Direct') {
      names[rung] = segment.source.uri;
    } else if (row.joints.includes(rung) && mayJoin) {
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
function mapOf(row: Row, { source, download }: Fetchable): string | null {
  if (row.mode === 'Direct') return source.map?.uri ?? null;
  return download.state === 'stored' ? download.map : null;
}

/** Names of a segment in the source's other renditions; a gap has one as well, for players that do not know EXT-X-GAP. */
function namesBeside(row: Row, { source, sourceName, beside }: PendingSegment): Listing['names'] {
  const isDirect = row.mode === 'Direct';
  const name = (one: Pick<Fetchable, 'source' | 'sourceName'>) => (isDirect ? one.source.uri : one.sourceName);
  return Object.fromEntries(Object.entries(beside).map(([rung, one]) => [rung, name(one ?? { source, sourceName })]));
}

/** How the source's other renditions are read, and rungs with sections of their own; nothing where there are none. */
function bytesBeside(row: Row, segment: PendingSegment, sections: RungSections): Pick<Listing, 'beside'> {
  const renditions = Object.entries(segment.beside).map(
    ([rung, one]) =>
      [rung, isMissing(one, segment) ? null : { ...bytesIn(row, one), ...ownDuration(one, segment) }] as const,
  );
  const encoded = Object.entries(row.origins).flatMap(([rung, origin]) => {
    const map = origin === SOURCE ? undefined : sections.get(encodedRung(origin));
    return map === undefined ? [] : [[rung, { map }] as const];
  });
  const all = [...renditions, ...encoded];
  return all.length === 0 ? {} : { beside: Object.fromEntries(all) };
}

/** Segments of audio end with a frame of audio, a little before or behind those of the pictures. */
function ownDuration(one: BesideSegment, { durationSeconds }: PendingSegment): Pick<BesideBytes, 'durationSeconds'> {
  return one.durationSeconds === durationSeconds ? {} : { durationSeconds: one.durationSeconds };
}

/**
 * Origins of the newest listed segment that is no gap by rung, to go on after a restart of the sidecar or as another owner;
 * null where there is none.
 */
export function originsOf(log: TimelineLog): Readonly<Record<string, Origin>> | null {
  const newest = log.entries.findLast(({ gap }) => !gap);
  if (newest === undefined) return null;
  return Object.fromEntries(Object.entries(newest.names).map(([rung, name]) => [rung, originOf(name)]));
}

/** Origin of a listed name. */
export function originOf(name: string): Origin {
  const id = parseSegmentName(name);
  return id === null || id.attempt === 0 ? SOURCE : `${id.rung}.${id.attempt}`;
}
