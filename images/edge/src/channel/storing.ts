import { SluiceError } from '@sluice/common/errors/error.ts';
import { STORAGE_FULL } from '../storage/errors.ts';
import type { ChannelFiles } from '../storage/files.ts';
import type { Clock } from './clock.ts';

/**
 * Pauses in ms before a segment that found no room is written again: its channel has given back what it can spare, and what
 * others list may have moved on by then. Nobody is asked again for its bytes.
 */
const STORE_AGAIN_MS = [300, 1_000] as const;

/** Where a segment is stored. */
export interface StoringContext {
  readonly clock: Clock;
  readonly files: Pick<ChannelFiles, 'write'>;
  readonly signal: AbortSignal;
  /** A segment finds no room, and will be written again. */
  readonly noRoom: () => void;
}

/** Stores a segment; what finds no room is written again twice. Throws the errors of the storage; stores nothing more after `signal`. */
export async function storeSegment(
  name: string,
  bytes: Uint8Array,
  { files, clock, signal, noRoom }: StoringContext,
): Promise<void> {
  for (const pauseMs of STORE_AGAIN_MS) {
    if (signal.aborted) return;
    try {
      await files.write(name, bytes);
      return;
    } catch (error) {
      if (!isNoRoom(error)) throw error;
      noRoom();
    }
    await pause(clock, pauseMs, signal);
  }
  if (!signal.aborted) await files.write(name, bytes);
}

/** Whether a file found no room. */
export function isNoRoom(error: unknown): boolean {
  return error instanceof SluiceError && error.code === STORAGE_FULL;
}

/** Resolves after the time, or as soon as `signal` aborts. */
function pause(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(milliseconds, end);
    signal.addEventListener('abort', end, { once: true });
  });
}
