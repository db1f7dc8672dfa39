import type { AudienceBook } from '../audience/book.ts';
import type { ChannelStates } from '../channel/state.ts';
import type { EdgeEndpoint } from '../link/endpoints.ts';
import type { LinkHub } from '../link/hub.ts';
import type { OwnerReports } from '../link/reports.ts';
import type { PodDuties } from './deletion-cost.ts';

/** Where it stands who owns which channel, and who watches it where. */
export interface DutySources {
  readonly states: Pick<ChannelStates, 'entries'>;
  readonly book: Pick<AudienceBook, 'count' | 'viewersOn'>;
  readonly reports: Pick<OwnerReports, 'claimOf'>;
  readonly hub: Pick<LinkHub, 'route'>;
}

/**
 * What each of these edges has to do. A channel is owned by the edge that the operator has named, and by the one that
 * spoke for it last: a successor may have taken over without the operator.
 */
export function dutiesOf(
  edges: readonly Pick<EdgeEndpoint, 'podName' | 'podUid'>[],
  { states, book, reports, hub }: DutySources,
): readonly PodDuties[] {
  const duties = new Map(
    edges.map(({ podName, podUid }) => [podUid, { podName, podUid, ownedViewers: 0, viewers: 0 }]),
  );
  for (const [, { uid }] of states.entries()) {
    const { state, viewers } = book.count(uid);
    const atLeast = state === 'unknown' ? Math.max(1, viewers) : viewers;
    if (atLeast === 0) continue;
    for (const owner of new Set([hub.route(uid)?.owners[0]?.podUid, reports.claimOf(uid)?.podUid])) {
      const duty = duties.get(owner ?? '');
      if (duty !== undefined) duty.ownedViewers += atLeast;
    }
    for (const duty of duties.values()) duty.viewers += book.viewersOn(duty.podUid, uid);
  }
  return [...duties.values()];
}
