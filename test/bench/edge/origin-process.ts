import { join } from 'node:path';
import { firstWordsOf, type Started, startProgram, stopProgram } from './subject.ts';

/** What a source's segments are like. */
export interface Segments {
  readonly bytes: number;
  readonly seconds: number;
}

/** 3 Mbit/s. */
export const SEGMENTS: Segments = { bytes: 750_000, seconds: 2 };
/** Of the usual length, and at 50 kbit/s: numbers of viewers whose bytes and requests two cores cannot ask for at 3 Mbit/s. */
export const SMALL_SEGMENTS: Segments = { bytes: 37_500, seconds: 6 };

/** Starts a live source; resolves with its base URL. */
export async function startOrigin(started: Started, segments: Segments): Promise<string> {
  const program = join(import.meta.dirname, 'origin.ts');
  const child = startProgram(process.execPath, [
    '--no-warnings',
    program,
    String(segments.bytes),
    String(segments.seconds),
  ]);
  started.add(child, stopProgram);
  return firstWordsOf(child);
}
