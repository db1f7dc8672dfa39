import { messageOf } from '@sluice/common/errors/error.ts';
import { type InitInspection, inspectInit } from '@sluice/common/mp4/init.ts';
import { sourceError } from './errors.ts';

/** Reads an initialization section. Throws SEGMENT_BROKEN. */
export function checkedInit(bytes: Uint8Array): InitInspection {
  try {
    return inspectInit(bytes);
  } catch (error) {
    throw sourceError(
      'SEGMENT_BROKEN',
      `The source's initialization section (EXT-X-MAP) cannot be used: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}
