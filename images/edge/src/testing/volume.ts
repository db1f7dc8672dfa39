import { createLogger } from '@sluice/common/log/log.ts';
import { MediaVolume } from '../storage/volume.ts';

/** More than any test stores. */
const ROOMY_BYTES = 2 ** 40;

/** A media volume for tests, with room for all if no limit is given. */
export function testVolume(limitBytes = ROOMY_BYTES, now: () => number = Date.now): MediaVolume {
  return new MediaVolume({ limitBytes, now, logger: createLogger({ name: 'test', level: 'silent' }) });
}
