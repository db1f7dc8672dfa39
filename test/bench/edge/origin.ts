/**
 * A live HLS source for benches, as a process of its own so that its CPU is nobody else's:
 *   node origin.ts SEGMENT_BYTES
 * Prints its base URL. Every path that ends in .m3u8 is the same live playlist with segments of 2 s.
 */
import { SourceServer } from '@sluice/edge/testing/source-server.ts';

const source = new SourceServer({ now: Date.now, segmentBytes: Number(process.argv[2]) });
await source.listen();
process.stdout.write(`${new URL(source.url).origin}\n`);
