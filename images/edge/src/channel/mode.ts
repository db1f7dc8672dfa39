import type { Mode } from '@sluice/common/link/mode.ts';
import type { Obstacle } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';

/** What stands in the way of modes. */
export interface Obstacles {
  readonly direct: Obstacle | null;
  readonly transcode: Obstacle | null;
}

const ORDER: readonly Mode[] = ['Idle', 'Direct', 'Proxy', 'Transcode'];

/** The higher of two modes. */
function atLeast(mode: Mode, least: Mode): Mode {
  return ORDER.indexOf(mode) < ORDER.indexOf(least) ? least : mode;
}

/**
 * The mode in which an awake channel publishes its next segment: what the operator asks for, but never less than
 * what its source and its Channel admit. An idle channel that is wanted runs in its least mode at once.
 */
export function publishingMode(route: Route, obstacles: Obstacles): Mode {
  const least: Mode = obstacles.direct === null ? 'Direct' : 'Proxy';
  const asked = atLeast(route.mode, atLeast(route.minimumMode, least));
  const possible = asked === 'Transcode' && obstacles.transcode !== null ? 'Proxy' : asked;
  return possible === 'Transcode' && route.session === null ? 'Proxy' : possible;
}

/** Whether a channel may ever transcode, and so keeps the constant lag in every mode. */
export function mayTranscode(route: Route, obstacles: Obstacles): boolean {
  return route.maximumMode === 'Transcode' && route.ladder.length > 0 && obstacles.transcode === null;
}

/** Whether this pod writes the channel's timeline: it is the first owner, or the route names none. */
export function isOwner(route: Route, podUid: string): boolean {
  const first = route.owners[0];
  return first === undefined || first.podUid === podUid;
}
