import { SluiceError } from '../errors/error.ts';

/**
 * The one error of this folder: bytes that are not an MPEG transport stream (ISO/IEC 13818-1) or carry a broken
 * table or header. Code `TS_INVALID`, not retryable: the same bytes never become valid.
 */
export function invalidTs(message: string): SluiceError {
  return new SluiceError(message, { code: 'TS_INVALID', retryable: false, status: 422 });
}
