import { cutText } from '@sluice/common/text/cut.ts';

/** Longest text of a reason or message in a status: what the CRD allows. */
export const STATUS_TEXT_LENGTH = 1024;

/** Cuts a text that came from outside to what the API takes; a status that is refused as a whole would tell nothing. */
export function limited(text: string, length: number = STATUS_TEXT_LENGTH): string {
  return cutText(text, length, '…');
}
