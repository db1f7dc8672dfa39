import type { Mode } from '@sluice/common/link/mode.ts';
import type { DecisionInput, DeliverySpec, ModeObstacle, PreviousDecision } from '../channel/decision.ts';

/** Bounds and thresholds of a Channel that names none; counts are viewers. */
export const SPEC: DeliverySpec = {
  minimumMode: 'Idle',
  maximumMode: 'Transcode',
  proxyThreshold: 2,
  transcodeThreshold: 4,
  hysteresisSeconds: 30,
};
/** Keeps a channel out of a mode, for as long as nobody says otherwise. */
export const OBSTACLE: ModeObstacle = { reason: 'NoCors', message: 'the source sends no CORS header', untilMs: null };

/** What a case differs in from an idle channel with a known count of zero. */
export interface Overrides {
  nowMs?: number;
  spec?: Partial<DeliverySpec>;
  viewers?: number;
  trusted?: number;
  alive?: number;
  state?: DecisionInput['audience']['state'];
  pins?: DecisionInput['pins'];
  direct?: ModeObstacle;
  transcode?: ModeObstacle;
  mode?: Mode;
  pending?: PreviousDecision['pending'];
}

/** The input of a decision; trusted viewers are all viewers, and those with a sign of life all trusted ones, unless said otherwise. */
export function inputOf(overrides: Overrides): DecisionInput {
  const viewers = overrides.viewers ?? 0;
  const trusted = overrides.trusted ?? viewers;
  return {
    nowMs: overrides.nowMs ?? 1_000_000,
    spec: { ...SPEC, ...overrides.spec },
    audience: { state: overrides.state ?? 'known', viewers, trusted, alive: overrides.alive ?? trusted },
    pins: overrides.pins ?? [],
    obstacles: { direct: overrides.direct ?? null, transcode: overrides.transcode ?? null },
    previous: { mode: overrides.mode ?? 'Idle', sinceMs: 0, pending: overrides.pending ?? null },
  };
}
