import { SluiceError } from '@sluice/common/errors/error.ts';

/** No room, or the quota is used up. */
const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** Code of the error for a file that finds no room. */
export const STORAGE_FULL = 'STORAGE_FULL';

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Whether the file system itself says that it has no room. */
export function isVolumeFull(error: unknown): boolean {
  return FULL.has(codeOf(error));
}

/** STORAGE_FULL (503, retryable): there is no room for a file, and nothing that may go makes enough. */
export function storageFull(cause?: unknown): SluiceError {
  return new SluiceError('The media volume is full: enlarge it, or lower the number of channels on this edge', {
    code: STORAGE_FULL,
    retryable: true,
    status: 503,
    retryAfterSeconds: 1,
    cause,
  });
}

/** An error of the file system as STORAGE_FULL or STORAGE_FAILED (503, retryable). */
export function storageError(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  if (isVolumeFull(error)) return storageFull(error);
  return new SluiceError(`A segment cannot be stored (${codeOf(error) || 'unknown error'})`, {
    code: 'STORAGE_FAILED',
    retryable: true,
    status: 503,
    cause: error,
  });
}
