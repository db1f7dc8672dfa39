import { NAL_TYPE, readNalUnits } from './nal.ts';
import { STREAM_TYPE } from './psi.ts';

/**
 * Whether a picture can be decoded without the ones before it. What counts:
 * the muxer's random_access_indicator, or, in H.264, an IDR slice among the NAL units given.
 * An open GOP's recovery point counts only by the indicator: muxers set it there, and FFmpeg's
 * `-force_key_frames source` makes a keyframe of it.
 * @param picture start of the elementary stream of the picture; one bounded prefix is enough, slices come first
 */
export function isKeyframe(streamType: number, randomAccess: boolean, picture: Uint8Array): boolean {
  if (randomAccess) return true;
  if (streamType !== STREAM_TYPE.h264) return false;
  for (const unit of readNalUnits(picture)) {
    if (unit.type === NAL_TYPE.idr) return true;
    if (unit.type === NAL_TYPE.slice) return false;
  }
  return false;
}
