import type { EdgeMessage } from '@sluice/common/link/messages.ts';
import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { AudienceBook } from './audience/book.ts';
import type { Goodbye } from './audience/goodbyes.ts';
import type { Admission } from './audience/seats.ts';
import { firstOwnerTerm } from './channel/owners.ts';
import type { ChannelStates } from './channel/state.ts';
import type { LoadBook } from './edge-scale/load-book.ts';
import { boundedReport } from './link/bounded-report.ts';
import type { EdgeEndpoint } from './link/endpoints.ts';
import type { OwnerReports } from './link/reports.ts';
import type { OperatorMetrics } from './metrics.ts';
import { keyOf } from './runtime/client/client.ts';
import { FirstSegmentTimes } from './session/first-segments.ts';
import type { SessionIncidents } from './session/incidents.ts';

/**
 * A channel that plays tells where it is every ten seconds. Nothing is decided or planned by that, and whatever else is
 * written takes it along into the status, so it is written by itself once in this time; it is read there only by a
 * successor of edges that are all gone, with their timelines.
 */
const POSITION_SECONDS = 60;

/** Where the messages of the edges go. */
export interface EdgeInboxTargets {
  readonly book: AudienceBook;
  readonly reports: OwnerReports;
  readonly states: ChannelStates;
  readonly metrics: OperatorMetrics;
  readonly loads: Pick<LoadBook, 'take'>;
  readonly incidents: Pick<SessionIncidents, 'take'>;
  /** A viewer could not reach the source of the channel with this uid. */
  readonly suspendDirect: (uid: string, message: string) => void;
  /** Something about the channel with this key has changed; look at it within so many seconds. */
  readonly channelChanged: (key: string, withinSeconds: number) => void;
  /** The channel with this key has played on, and nothing else; its status has to tell it within so many seconds. */
  readonly positionMoved: (key: string, withinSeconds: number) => void;
  /** Something about the StreamSession with this key has changed; look at it within so many seconds. */
  readonly sessionChanged: (key: string, withinSeconds: number) => void;
  /** Somebody asks the edge with this pod uid for the channel `uid`, which it does not serve. */
  readonly watch: (edge: string, uid: string) => void;
  /** The edge with this pod uid ends soon. */
  readonly leaving: (edge: string) => void;
  /** Tells the edge with this pod uid who may come. */
  readonly answerAdmission: (edge: string, answer: Admission & { readonly uid: string }) => void;
  /** Viewers, whom the edge with this pod uid counts, said goodbye at another one. */
  readonly tellLeave: (edge: string, goodbye: Goodbye) => void;
  /** Of this leader. */
  readonly term: () => number;
}

/** Hands what an edge says to those whom it concerns. The book itself tells which channels' counts have changed. */
export function createEdgeInbox(targets: EdgeInboxTargets): (edge: EdgeEndpoint, message: EdgeMessage) => void {
  const { book, reports, states, metrics, suspendDirect, channelChanged, tellLeave, answerAdmission, watch } = targets;
  const firstSegments = new FirstSegmentTimes((seconds) => metrics.firstSegmentsSeconds.observe(seconds));
  const reportTargets = { ...targets, firstSegments };
  return ({ podUid }, message) => {
    switch (message.type) {
      case 'viewers':
        for (const goodbye of book.viewers(podUid, message)) tellLeave(podUid, goodbye);
        break;
      case 'signs':
        book.signs(message.uid, message.ids);
        break;
      case 'watch':
        watch(podUid, message.uid);
        break;
      case 'leaving':
        targets.leaving(podUid);
        break;
      case 'admit':
        answerAdmission(podUid, { uid: message.uid, ...book.admit(message.uid, { ...message, edge: podUid }) });
        break;
      case 'leave':
        for (const [edge, goodbye] of book.left(podUid, message)) tellLeave(edge, goodbye);
        break;
      case 'synced':
        for (const goodbye of book.edgeSynced(podUid)) tellLeave(podUid, goodbye);
        break;
      case 'sourceError': {
        const key = states.keyOf(message.uid);
        if (key === undefined) break;
        suspendDirect(message.uid, message.message);
        channelChanged(key, 0);
        break;
      }
      case 'report':
        takeReport(podUid, boundedReport(message.report, reports.of(message.report.uid)), reportTargets);
        break;
      case 'load':
        targets.loads.take(podUid, message);
        break;
      case 'challenge':
      case 'refused': // the handshake is the link's own business
        break;
    }
  };
}

interface ReportTargets extends EdgeInboxTargets {
  readonly firstSegments: FirstSegmentTimes;
}

function takeReport(edge: string, report: OwnerReport, targets: ReportTargets): void {
  const { reports, states, metrics, incidents, firstSegments, channelChanged, positionMoved, sessionChanged, term } =
    targets;
  const key = states.keyOf(report.uid);
  const state = key === undefined ? undefined : states.get(key);
  if (key === undefined || state === undefined) {
    metrics.refusedMessages.inc({ reason: 'unknown_channel' });
    return;
  }
  // What no leader so far can have given would keep every later owner from being heard.
  const isUnknownTerm = report.ownerTerm >= firstOwnerTerm(term() + 1);
  const news = isUnknownTerm ? 'refused' : reports.take(edge, report);
  if (news === 'refused') {
    metrics.refusedMessages.inc({ reason: isUnknownTerm ? 'unknown_term' : 'old_owner' });
    return;
  }
  const session = report.session && keyOf({ namespace: state.namespace, name: report.session.name });
  if (news === 'position') {
    positionMoved(key, POSITION_SECONDS);
    if (session !== null) sessionChanged(session, POSITION_SECONDS);
    return;
  }
  incidents.take(state, report);
  firstSegments.take(state, report);
  channelChanged(key, 0);
  if (session !== null) sessionChanged(session, 0);
}
