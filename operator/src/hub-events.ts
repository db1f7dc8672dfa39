import type { Logger } from '@sluice/common/log/log.ts';
import type { AudienceBook } from './audience/book.ts';
import { createEdgeInbox, type EdgeInboxTargets } from './edge-inbox.ts';
import type { LoadBook } from './edge-scale/load-book.ts';
import type { HubEvents } from './link/hub.ts';

/** Where the news of the edges go. */
export interface HubTargets extends EdgeInboxTargets {
  readonly book: AudienceBook;
  readonly loads: LoadBook;
  /** The count of the channel with this uid may have changed. */
  readonly countChanged: (uid: string) => void;
  /** The edge with this pod uid is linked; `instance` is of the process in the pod, null where it does not say. */
  readonly linked: (edge: string, instance: string | null) => void;
  readonly log: Logger;
}

/** Hands on what the hub tells of the edges: who is there, and what they say. */
export function createHubEvents(targets: HubTargets): HubEvents {
  const { book, loads, reports, countChanged, linked, log } = targets;
  return {
    seen: ({ podUid, ready }) => book.edgeSeen(podUid, ready),
    connected: ({ podUid, podName }, process) => {
      book.edgeConnected(podUid, process);
      linked(podUid, process.instance);
      log.info({ edge: podName }, 'linked to an edge');
    },
    message: createEdgeInbox(targets),
    lost: ({ podUid }) => book.edgeLost(podUid),
    gone: ({ podUid, podName }) => {
      book.edgeGone(podUid);
      loads.forget(podUid);
      for (const uid of reports.edgeGone(podUid)) countChanged(uid);
      log.info({ edge: podName }, 'an edge is gone');
    },
  };
}
