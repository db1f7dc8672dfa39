import { SluiceError } from '@sluice/common/errors/error.ts';

/** Throws RUNG_UNKNOWN (404), which names what there is, for a rendition that is not among these. */
export function checkRung(rung: string, rungs: readonly string[]): void {
  if (rungs.includes(rung)) return;
  throw new SluiceError(`There is no rendition "${rung}"; there are: ${rungs.join(', ')}`, {
    code: 'RUNG_UNKNOWN',
    retryable: false,
    status: 404,
  });
}
