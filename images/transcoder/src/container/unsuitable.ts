import { SluiceError } from '@sluice/common/errors/error.ts';

/** A source segment that no rung can be made of, code `SOURCE_UNSUITABLE`; the same bytes never become suitable. */
export function unsuitable(msn: number, what: string): SluiceError {
  return new SluiceError(`source segment ${msn} ${what}`, { code: 'SOURCE_UNSUITABLE', retryable: false });
}
