import type { Obstacle } from '@sluice/common/link/owner-report.ts';
import { CHANNEL_CONDITIONS, type ChannelConditionType, type ChannelSpec } from '@sluice/crds';
import type { ModeObstacle } from './decision.ts';
import type { LadderInForce } from './ladder.ts';
import type { Observed } from './observed.ts';

/** What an owner found to be impossible with a source. */
export interface OwnerObstacles {
  readonly direct: Obstacle | null;
  readonly transcode: Obstacle | null;
}

/** What speaks against a mode: the spec itself, what the owner found, or an incident that is still fresh. */
export interface ObstacleInput {
  readonly nowMs: number;
  readonly spec: ChannelSpec;
  /** What the owner found in the source. */
  readonly found: OwnerObstacles;
  readonly ladder: LadderInForce;
  readonly directSuspendedUntilMs: number | null;
  readonly transcodeSuspendedUntilMs: number | null;
  /** Why the last transcode failed and when the next may start; empty: not known. */
  readonly transcodeFailure: string;
}

type Check = (input: ObstacleInput) => ModeObstacle | null;

/** In the order of how much a person can do about them; the first one is told. */
const AGAINST_DIRECT: readonly Check[] = [
  headersAreSecret,
  sourceIsHidden,
  sourceHasQuery,
  ({ found }) => ownerFound(found.direct),
  viewersCannotReachSource,
];

const AGAINST_TRANSCODE: readonly Check[] = [
  noRungIsLeft,
  ({ found }) => ownerFound(found.transcode),
  lastTranscodeFailed,
];

/** Reasons that this module gives itself; any other one in a condition is the word of an owner. */
const OWN_REASONS = new Set([
  'SourceNeedsHeaders',
  'SourceHidden',
  'SourceHasQuery',
  'ViewerCannotReachSource',
  'LadderAboveSource',
  'TranscodeFailed',
]);

/**
 * What the owner says; while there is none (its pod is gone, the operator has just started), what the last one said
 * of this very spec, as the conditions keep it.
 */
export function ownerObstacles({ report, channel }: Observed): OwnerObstacles {
  if (report !== null) return { direct: report.directObstacle, transcode: report.transcodeObstacle };
  const last = (type: ChannelConditionType): Obstacle | null => {
    const condition = channel.status?.conditions?.find((each) => each.type === type);
    const holds = condition?.status === 'False' && condition.observedGeneration === channel.metadata.generation;
    return holds && !OWN_REASONS.has(condition.reason)
      ? { reason: condition.reason, message: condition.message }
      : null;
  };
  return { direct: last(CHANNEL_CONDITIONS.directPossible), transcode: last(CHANNEL_CONDITIONS.transcodePossible) };
}

/** Why Direct and Transcode are impossible; null where they are possible as far as is known. */
export function obstaclesOf(input: ObstacleInput): { direct: ModeObstacle | null; transcode: ModeObstacle | null } {
  return { direct: firstOf(AGAINST_DIRECT, input), transcode: firstOf(AGAINST_TRANSCODE, input) };
}

function firstOf(checks: readonly Check[], input: ObstacleInput): ModeObstacle | null {
  for (const check of checks) {
    const obstacle = check(input);
    if (obstacle !== null) return obstacle;
  }
  return null;
}

function headersAreSecret({ spec }: ObstacleInput): ModeObstacle | null {
  if (spec.source.headersFrom === undefined) return null;
  return forEver('SourceNeedsHeaders', 'the source needs the headers of source.headersFrom, which viewers do not have');
}

function sourceIsHidden({ spec }: ObstacleInput): ModeObstacle | null {
  return spec.delivery.exposeSource === false ? forEver('SourceHidden', 'delivery.exposeSource is false') : null;
}

/** A query often holds a key that viewers must not see. */
function sourceHasQuery({ spec }: ObstacleInput): ModeObstacle | null {
  if (spec.delivery.exposeSource !== undefined || !spec.source.uri.includes('?')) return null;
  return forEver(
    'SourceHasQuery',
    'source.uri has a query, which may hold a key: set delivery.exposeSource: true if viewers may see it',
  );
}

function viewersCannotReachSource({ nowMs, directSuspendedUntilMs }: ObstacleInput): ModeObstacle | null {
  if (directSuspendedUntilMs === null || directSuspendedUntilMs <= nowMs) return null;
  const message = `a viewer could not reach the source; Direct is tried again at ${new Date(directSuspendedUntilMs).toISOString()}`;
  return { reason: 'ViewerCannotReachSource', message, untilMs: directSuspendedUntilMs };
}

function noRungIsLeft({ ladder }: ObstacleInput): ModeObstacle | null {
  if (ladder.rungs.length > 0) return null;
  return forEver('LadderAboveSource', 'every rung of transcode.ladder is higher than the source: add a lower one');
}

function lastTranscodeFailed({
  nowMs,
  transcodeSuspendedUntilMs,
  transcodeFailure,
}: ObstacleInput): ModeObstacle | null {
  if (transcodeSuspendedUntilMs === null || transcodeSuspendedUntilMs <= nowMs) return null;
  const untilText = new Date(transcodeSuspendedUntilMs).toISOString();
  const message = transcodeFailure || `the last transcode failed; the next may start at ${untilText}`;
  return { reason: 'TranscodeFailed', message, untilMs: transcodeSuspendedUntilMs };
}

function ownerFound(obstacle: Obstacle | null): ModeObstacle | null {
  return obstacle === null ? null : forEver(obstacle.reason, obstacle.message);
}

function forEver(reason: string, message: string): ModeObstacle {
  return { reason, message, untilMs: null };
}
