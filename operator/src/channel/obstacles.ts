import type { OwnerReport } from '@sluice/common/link/messages.ts';
import type { ChannelSpec } from '@sluice/crds';
import type { ModeObstacle } from './decide.ts';
import type { LadderInForce } from './ladder.ts';

/** What speaks against a mode: the spec itself, what the owner found, or an incident that is still fresh. */
export interface ObstacleInput {
  readonly nowMs: number;
  readonly spec: ChannelSpec;
  readonly report: OwnerReport | null;
  readonly ladder: LadderInForce;
  readonly directSuspendedUntilMs: number | null;
  readonly transcodeSuspendedUntilMs: number | null;
}

type Check = (input: ObstacleInput) => ModeObstacle | null;

/** In the order of how much a person can do about them; the first one is told. */
const AGAINST_DIRECT: readonly Check[] = [
  headersAreSecret,
  sourceIsHidden,
  sourceHasQuery,
  ({ report }) => ownerFound(report?.directObstacle ?? null),
  viewersCannotReachSource,
];

const AGAINST_TRANSCODE: readonly Check[] = [
  noRungIsLeft,
  ({ report }) => ownerFound(report?.transcodeObstacle ?? null),
  lastTranscodeFailed,
];

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

/** A query often holds a key; DESIGN.md, "Direct needs". */
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

function lastTranscodeFailed({ nowMs, transcodeSuspendedUntilMs }: ObstacleInput): ModeObstacle | null {
  if (transcodeSuspendedUntilMs === null || transcodeSuspendedUntilMs <= nowMs) return null;
  const message = `the last transcode failed; the next may start at ${new Date(transcodeSuspendedUntilMs).toISOString()}`;
  return { reason: 'TranscodeFailed', message, untilMs: transcodeSuspendedUntilMs };
}

function ownerFound(obstacle: { reason: string; message: string } | null): ModeObstacle | null {
  return obstacle === null ? null : forEver(obstacle.reason, obstacle.message);
}

function forEver(reason: string, message: string): ModeObstacle {
  return { reason, message, untilMs: null };
}
