import type { Route } from '@sluice/common/link/route.ts';

/**
 * A channel's route as one edge gets it: the request headers of its source, which come out of a Secret, are for those alone
 * that may have to ask the source, the owner and its successors. An edge that somebody has broken into has no more of them
 * than these. A channel without owners belongs to every edge.
 */
export function routeForEdge(route: Route, podUid: string): Route {
  const { owners, source } = route;
  const mayAsk = owners.length === 0 || owners.some((owner) => owner.podUid === podUid);
  if (mayAsk || Object.keys(source.headers).length === 0) return route;
  return { ...route, source: { ...source, headers: {} } };
}
