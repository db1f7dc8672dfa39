import type { Mode } from '@sluice/common/link/mode.ts';
import type { AudienceInput, DecisionInput, DecisionReason, DeliverySpec, ModeObstacle } from './decision.ts';
import { higher, isBelow, lower } from './mode.ts';

/** A mode that the spec, a pin or an obstacle sets as a limit, and why. */
export interface Bound {
  readonly mode: Mode;
  readonly reason: DecisionReason;
}

/** What the audience wants, within which bounds, seen from the mode now. */
export interface Situation {
  readonly input: DecisionInput;
  /** The mode now. */
  readonly mode: Mode;
  /** What the audience asks for within the bounds. */
  readonly wanted: Mode;
  readonly floor: Bound;
  readonly ceiling: Bound;
  readonly windowMs: number;
}

/** Works out what is wanted and allowed. */
export function situationOf(input: DecisionInput): Situation {
  const ceiling = ceilingOf(input);
  const floor = floorOf(input, ceiling.mode);
  const byAudience = modeForAudience(input.audience, input.spec);
  const wanted = possible(lower(higher(byAudience, floor.mode), ceiling.mode), input, ceiling.mode);
  return { input, mode: input.previous.mode, wanted, floor, ceiling, windowMs: input.spec.hysteresisSeconds * 1000 };
}

/** The mode that an audience deserves, all else aside. */
export function modeForAudience(audience: AudienceInput, spec: DeliverySpec): Mode {
  if (audience.trusted >= spec.transcodeThreshold) return 'Transcode';
  if (audience.viewers >= spec.proxyThreshold) return 'Proxy';
  return audience.viewers > 0 ? 'Direct' : 'Idle';
}

/** An obstacle binds harder than the minimum: what cannot run cannot be asked for. */
function ceilingOf({ spec, obstacles, nowMs }: DecisionInput): Bound {
  const obstacle = inForce(obstacles.transcode, nowMs);
  if (obstacle !== null && spec.maximumMode === 'Transcode') {
    const message = `Transcode is impossible: ${obstacle.message}`;
    return { mode: 'Proxy', reason: { code: 'TranscodeImpossible', message } };
  }
  return {
    mode: spec.maximumMode,
    reason: { code: 'MaximumMode', message: `maximumMode is ${spec.maximumMode}` },
  };
}

function floorOf({ spec, pins }: DecisionInput, ceiling: Mode): Bound {
  let floor: Bound = {
    mode: spec.minimumMode,
    reason: { code: 'MinimumMode', message: `minimumMode is ${spec.minimumMode}` },
  };
  for (const pin of pins) {
    if (isBelow(floor.mode, pin.mode)) {
      floor = { mode: pin.mode, reason: { code: 'Pinned', message: `${pin.mode} at least: ${pin.reason}` } };
    }
  }
  return { ...floor, mode: lower(floor.mode, ceiling) };
}

/**
 * Proxy where Direct is impossible. With `maximumMode: Direct` Direct stays: its owner has forbidden the only
 * alternative, and players that need no CORS may still play it.
 */
export function possible(mode: Mode, { obstacles, nowMs }: DecisionInput, ceiling: Mode): Mode {
  const impossible = mode === 'Direct' && inForce(obstacles.direct, nowMs) !== null;
  return impossible && !isBelow(ceiling, 'Proxy') ? 'Proxy' : mode;
}

/** The obstacle, unless its time is over. */
export function inForce(obstacle: ModeObstacle | null, nowMs: number): ModeObstacle | null {
  return obstacle !== null && (obstacle.untilMs === null || nowMs < obstacle.untilMs) ? obstacle : null;
}
