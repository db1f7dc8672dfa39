import { inspectSegment, type SegmentInspection } from '@sluice/common/mpegts/inspect.ts';
import { MAX_SEGMENT_BYTES } from '@sluice/common/work/contract.ts';
import type { SourceClient } from '../source/client.ts';
import { sourceError } from '../source/errors.ts';
import type { ChannelFiles } from '../storage/files.ts';
import type { PendingSegment } from './pending.ts';

/** Least time for one segment in ms, so that short segments may still wait for a slow connection. */
const MIN_TIMEOUT_MS = 10_000;

/** Where a download reads and writes. */
export interface DownloadContext {
  readonly client: SourceClient;
  readonly files: ChannelFiles;
  readonly headers: Readonly<Record<string, string>>;
  readonly targetDurationSeconds: number;
  readonly signal: AbortSignal;
}

function inspect(bytes: Uint8Array): SegmentInspection {
  try {
    return inspectSegment(bytes);
  } catch (error) {
    throw sourceError('SEGMENT_BROKEN', 'A segment of the source is no whole MPEG-TS file', { cause: error });
  }
}

/**
 * Gets one segment of the source, checks it and stores it; one that an earlier run has stored is only checked.
 * It must arrive within three target durations (at least 10 s): slower sources cannot be followed. Throws the errors
 * of the client and of the storage, and SEGMENT_BROKEN.
 */
export async function downloadSegment(segment: PendingSegment, context: DownloadContext): Promise<SegmentInspection> {
  if (context.files.has(segment.sourceName)) return inspect(await context.files.read(segment.sourceName));
  const { range } = segment.source;
  const answer = await context.client.read({
    url: segment.source.uri,
    headers: context.headers,
    maxBytes: MAX_SEGMENT_BYTES,
    timeoutMs: Math.max(MIN_TIMEOUT_MS, 3000 * context.targetDurationSeconds),
    signal: context.signal,
    ...(range === null ? {} : { range }),
  });
  const inspection = inspect(answer.bytes);
  if (!context.signal.aborted) await context.files.write(segment.sourceName, answer.bytes);
  return inspection;
}
