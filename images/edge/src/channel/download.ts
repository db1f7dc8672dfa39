import { MAX_SEGMENT_BYTES } from '@sluice/common/work/contract.ts';
import type { SourceClient } from '../source/client.ts';
import { contentOf } from '../source/content.ts';
import { sourceError } from '../source/errors.ts';
import type { SourceHeaders } from '../source/headers.ts';
import type { SegmentKey, SourceSegment } from '../source/parse.ts';
import { extensionOf } from '../source/segment-kind.ts';
import type { ChannelFiles } from '../storage/files.ts';
import type { Clock } from './clock.ts';
import type { Inits, StoredInit } from './inits.ts';
import type { Download, Fetchable } from './pending.ts';
import { storeSegment } from './storing.ts';

/** Least time for one segment in ms, so that short segments may still wait for a slow connection. */
const MIN_TIMEOUT_MS = 10_000;

/** Where a download reads and writes. */
export interface DownloadContext {
  readonly clock: Clock;
  readonly uid: string;
  readonly client: SourceClient;
  readonly files: ChannelFiles;
  readonly headers: SourceHeaders;
  readonly targetDurationSeconds: number;
  readonly signal: AbortSignal;
  /** Initialization sections of this channel. */
  readonly inits: Inits;
  /** A segment finds no room, and will be written again. */
  readonly noRoom: () => void;
}

/** What is known of a segment once it is stored. */
export type StoredSegment = Omit<Extract<Download, { state: 'stored' }>, 'state'>;

/** Bytes of a block of AES, which whole encrypted segments are made of (RFC 8216bis 4.4.4.4). */
const BLOCK_BYTES = 16;

/** What can be checked of a segment without its key. */
function checkEncrypted(bytes: Uint8Array, keys: readonly SegmentKey[]): void {
  const isWhole = !keys.some(({ method }) => method === 'AES-128') || bytes.length % BLOCK_BYTES === 0;
  if (bytes.length === 0 || !isWhole) {
    throw sourceError(
      'SEGMENT_BROKEN',
      `An encrypted segment of the source has ${bytes.length} bytes: it is cut short`,
    );
  }
}

/** What is known of a segment that nobody can read here. */
const UNREAD = { inspection: null, spans: null, start: null } as const;

/** What each kind of file is called. */
const CONTAINERS = { ts: 'MPEG-TS', m4s: 'MP4', aac: 'packed audio', vtt: 'WebVTT' } as const;

function inspect(bytes: Uint8Array, init: StoredInit | null, source: SourceSegment): StoredSegment {
  const map = init?.name ?? null;
  if (source.keys.length > 0) {
    checkEncrypted(bytes, source.keys);
    return { ...UNREAD, map };
  }
  const extension = extensionOf(source);
  const container = CONTAINERS[extension];
  try {
    // Without its section nothing can be read of a fragment: the section alone is encrypted.
    if (init !== null && init.inspection === null) return { ...UNREAD, map };
    return { ...contentOf(extension, bytes, init?.inspection ?? null), map };
  } catch (error) {
    throw sourceError('SEGMENT_BROKEN', `A segment of the source is no whole ${container} file`, { cause: error });
  }
}

/**
 * Gets one segment of the source, and the initialization section that it needs, checks and stores both; what an earlier
 * run has stored is only checked. It must arrive within three target durations (at least 10 s): slower sources cannot be
 * followed. What finds no room is written again twice. Throws the errors of the client and of the storage, and SEGMENT_BROKEN.
 */
export async function downloadSegment(segment: Fetchable, context: DownloadContext): Promise<StoredSegment> {
  const { range, map } = segment.source;
  const init = map === null ? null : await context.inits.get(segment, map, context);
  if (context.files.has(segment.sourceName)) {
    return inspect(await context.files.read(segment.sourceName), init, segment.source);
  }
  const answer = await context.client.read({
    url: segment.source.uri,
    headers: context.headers,
    maxBytes: MAX_SEGMENT_BYTES,
    timeoutMs: Math.max(MIN_TIMEOUT_MS, 3000 * context.targetDurationSeconds),
    signal: context.signal,
    isDue: segment.publishAt <= context.clock.now(),
    ...(range === null ? {} : { range }),
  });
  const stored = inspect(answer.bytes, init, segment.source);
  await storeSegment(segment.sourceName, answer.bytes, context);
  return stored;
}
