/**
 * A live HLS source for benches, as a process of its own so that its CPU is nobody else's:
 *   node origin.ts SEGMENT_BYTES SEGMENT_SECONDS
 * Prints its base URL. Every path that ends in .m3u8 is the same live playlist.
 */
import { fillSegment, makeSegment } from '@sluice/edge/testing/segment.ts';
import { SourceServer } from '@sluice/edge/testing/source-server.ts';

const [segmentBytes, durationSeconds] = process.argv.slice(2).map(Number) as [number, number];
const source = new SourceServer({ now: Date.now, targetDurationSeconds: durationSeconds });
const made = new Map<number, Uint8Array>();
/** Each is made once: a thousand channels ask for the same one within a moment, and a source only reads its own. */
source.bytesOf = (msn) => {
  const known = made.get(msn);
  if (known !== undefined) return known;
  const segment = makeSegment({ startSeconds: 100 + msn * durationSeconds, durationSeconds });
  const bytes = fillSegment(segment, segmentBytes);
  made.set(msn, bytes);
  made.delete(msn - 2 * source.windowSegments);
  return bytes;
};
await source.listen();
process.stdout.write(`${new URL(source.url).origin}\n`);
