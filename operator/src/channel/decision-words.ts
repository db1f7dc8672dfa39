import type { Mode } from '@sluice/common/link/mode.ts';
import type { AudienceInput, DecisionReason, DeliverySpec } from './decision.ts';
import { isBelow } from './mode.ts';
import { inForce, modeForAudience, type Situation } from './situation.ts';

/** What a decision says of itself: one sentence without times that tick, so that an unchanged situation keeps its text. */

/** What speaks for `mode`: the audience itself, or else what lifts the channel above it. */
export function reasonToBeAt({ input, floor }: Situation, mode: Mode): DecisionReason {
  const { audience, spec, obstacles, nowMs } = input;
  if (!isBelow(modeForAudience(audience, spec), mode)) {
    return { code: 'AudienceGrew', message: `${viewersOf(audience)}${reachedThreshold(mode, spec)}` };
  }
  if (!isBelow(floor.mode, mode)) return floor.reason;
  const why = inForce(obstacles.direct, nowMs)?.message ?? 'the source does not allow it';
  return { code: 'DirectImpossible', message: `${viewersOf(audience)}; Direct is impossible: ${why}` };
}

function reachedThreshold(mode: Mode, spec: DeliverySpec): string {
  if (mode === 'Proxy') return `: at least ${spec.proxyThreshold}, the threshold for Proxy`;
  if (mode === 'Transcode')
    return `: at least ${spec.transcodeThreshold}${forWindow(spec)}, the threshold for Transcode`;
  return '';
}

function whyHere(mode: Mode, spec: DeliverySpec): string {
  return mode === 'Direct'
    ? `: fewer than ${spec.proxyThreshold}, the threshold for Proxy`
    : reachedThreshold(mode, spec);
}

/** Why the mode stays where it is. */
export function steady(situation: Situation): DecisionReason {
  const { input, mode, ceiling } = situation;
  const { audience, spec } = input;
  const byAudience = modeForAudience(audience, spec);
  if (isBelow(ceiling.mode, byAudience)) return ceiling.reason;
  if (isBelow(byAudience, mode)) return reasonToBeAt(situation, mode);
  const trusted = trustedOf(audience, spec);
  const why = trusted === '' ? whyHere(mode, spec) : `${trusted}: the others only send heartbeats`;
  return { code: 'Steady', message: `${viewersOf(audience)}${why}` };
}

/** How many of the viewers count for Transcode, where the threshold is reached by all of them but not by those. */
export function trustedOf({ viewers, trusted }: AudienceInput, { transcodeThreshold }: DeliverySpec): string {
  const matters = viewers >= transcodeThreshold && trusted < transcodeThreshold;
  return matters ? `, ${trusted} of whom may start a transcode` : '';
}

/** The audience in words. */
export function viewersOf({ viewers }: AudienceInput): string {
  return viewers === 1 ? '1 viewer' : `${viewers} viewers`;
}

/** The window in words, with a space before them; empty where there is none. */
export function forWindow({ hysteresisSeconds }: DeliverySpec): string {
  return hysteresisSeconds === 0 ? '' : ` for ${hysteresisSeconds} s`;
}
