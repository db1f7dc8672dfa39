import { SluiceError } from '@sluice/common/errors/error.ts';
import type { SourceHealth } from '@sluice/common/link/owner-report.ts';

/** What can be wrong with a source: the CamelCase reason of its health, by the code of the error. */
const REASONS: Readonly<Record<string, string>> = {
  SOURCE_UNREACHABLE: 'SourceUnreachable',
  SOURCE_TIMEOUT: 'SourceTimeout',
  SOURCE_NOT_FOUND: 'SourceNotFound',
  SOURCE_HTTP_STATUS: 'SourceHttpStatus',
  SOURCE_FORBIDDEN_ADDRESS: 'ForbiddenAddress',
  SOURCE_REDIRECTS: 'TooManyRedirects',
  SOURCE_TOO_LARGE: 'SourceTooLarge',
  SOURCE_PIECEMEAL: 'SourcePiecemeal',
  SOURCE_CROWDED_OUT: 'EdgeBusy',
  SOURCE_URL: 'SourceUrlInvalid',
  NOT_A_PLAYLIST: 'NotAPlaylist',
  PLAYLIST_INVALID: 'PlaylistInvalid',
  SOURCE_UNSUPPORTED: 'SourceUnsupported',
  SOURCE_STALLED: 'SourceStalled',
  SEGMENT_BROKEN: 'SegmentBroken',
  TS_INVALID: 'SegmentBroken',
  STORAGE_FULL: 'StorageFull',
  STORAGE_FAILED: 'StorageFailed',
};

/** An error that says what is wrong with a source; `code` is a key of the table of reasons. */
export function sourceError(
  code: string,
  message: string,
  options: { retryable?: boolean; cause?: unknown } = {},
): SluiceError {
  return new SluiceError(message, { code, retryable: options.retryable ?? true, status: 503, cause: options.cause });
}

/** The health of a source whose last read ended with `error`: `down` where nothing new can be published. */
export function healthOf(error: SluiceError, state: SourceHealth['state']): SourceHealth {
  return { state, reason: REASONS[error.code] ?? 'SourceFailed', message: error.message };
}

/** Any thrown value as a SluiceError, for errors out of libraries. */
export function asSourceError(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return sourceError('SOURCE_UNREACHABLE', `The source cannot be read: ${message}`, { cause: thrown });
}
