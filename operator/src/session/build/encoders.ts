import type { StreamSession } from '@sluice/crds';
import { isHardwareEncoder } from './gpu.ts';

/** Which of a session's encoders are tried, for the whole cluster. */
export interface EncoderPolicy {
  /** False: sessions that ask for no GPU try the encoders on the CPU first, which saves the trials of the others. */
  readonly preferHardware: boolean;
  /** False: sessions that ask for a GPU wait for one and never encode on the CPU. */
  readonly hardwareFallback: boolean;
}

/** Encoders as the Channel lists them, and the CPU where no GPU is to be had. */
export const CHANNELS_CHOICE: EncoderPolicy = { preferHardware: true, hardwareFallback: true };

/**
 * The encoders that a pod tries, in this order. One that stands in for a pod with a GPU tries no GPU: the node's belong
 * to others.
 * @param hasGpu whether the pod asks for the GPU that its session asks for
 */
export function encodersFor(
  { spec }: Pick<StreamSession, 'spec'>,
  hasGpu: boolean,
  { preferHardware, hardwareFallback }: EncoderPolicy,
): readonly string[] {
  const listed = spec.encoderPreference;
  const hardware = listed.filter(isHardwareEncoder);
  const software = listed.filter((encoder) => !isHardwareEncoder(encoder));
  if (spec.gpu === undefined) return preferHardware ? listed : [...software, ...hardware];
  if (!hasGpu) return software;
  return hardwareFallback || hardware.length === 0 ? listed : hardware;
}
