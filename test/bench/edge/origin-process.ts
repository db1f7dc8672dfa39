import { join } from 'node:path';
import { firstWordsOf, type Started, startProgram, stopProgram } from './subject.ts';

/** Segments of 2 s at 3 Mbit/s. */
export const SEGMENT_BYTES = 750_000;
/** Segments of 2 s at 100 kbit/s, for numbers of viewers whose bytes one machine cannot move. */
export const SMALL_SEGMENT_BYTES = 25_000;

/** Starts a live source; resolves with its base URL. @param segmentBytes of its segments of 2 s */
export async function startOrigin(started: Started, segmentBytes: number): Promise<string> {
  const program = join(import.meta.dirname, 'origin.ts');
  const child = startProgram(process.execPath, ['--no-warnings', program, String(segmentBytes)]);
  started.add(child, stopProgram);
  return firstWordsOf(child);
}
