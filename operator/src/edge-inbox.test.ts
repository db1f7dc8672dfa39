import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createMetrics, type Metrics } from '@sluice/common/metrics/metrics.ts';
import { AudienceBook } from './audience/book.ts';
import { remember } from './channel/memory.ts';
import { firstOwnerTerm } from './channel/owners.ts';
import { ChannelStates } from './channel/state.ts';
import { createEdgeInbox } from './edge-inbox.ts';
import { LoadBook } from './edge-scale/load-book.ts';
import { OwnerReports } from './link/reports.ts';
import { createOperatorMetrics } from './metrics.ts';
import { channelFixture, edgeFixture, reportFixture, sessionReportFixture } from './testing/fixtures.ts';

const NOW = Date.parse('2026-11-21T12:00:00.000Z');
const LEADER_TERM = NOW / 1000;
const TERM = firstOwnerTerm(LEADER_TERM);
const EDGE = edgeFixture();

describe('the inbox of the edges', () => {
  const channelChanged = jest.fn();
  const positionMoved = jest.fn();
  const sessionChanged = jest.fn();
  const tellLeave = jest.fn();
  let metrics: Metrics;
  let reports: OwnerReports;
  let book: AudienceBook;
  let loads: LoadBook;
  let leaving: string[];
  let take: ReturnType<typeof createEdgeInbox>;

  beforeEach(() => {
    jest.resetAllMocks();
    metrics = createMetrics();
    reports = new OwnerReports();
    loads = new LoadBook(() => NOW);
    book = new AudienceBook({ now: () => NOW, onChange: () => {}, onEdgeChange: () => {} });
    const states = new ChannelStates();
    states.set('tv/film', {
      uid: 'c1',
      namespace: 'tv',
      name: 'film',
      memory: { ...remember(channelFixture(), NOW), ownership: { owners: [], term: TERM } },
      wanted: undefined,
      written: undefined,
      writtenVersion: '',
      isWriting: false,
      writtenMs: NOW,
      made: new Map(),
      madeMs: 0,
      refusal: null,
      removed: new Map(),
      promotionSinceMs: null,
    });
    leaving = [];
    take = createEdgeInbox({
      book,
      reports,
      states,
      loads,
      incidents: { take: () => {} },
      metrics: createOperatorMetrics(metrics, {
        links: () => ({ connected: 0, edges: 0, backlog: 0 }),
        book,
        sessions: () => [],
        waiting: () => [],
        admitted: () => new Map(),
      }),
      suspendDirect: () => {},
      channelChanged,
      positionMoved,
      sessionChanged,
      tellLeave,
      answerAdmission: () => {},
      watch: () => {},
      leaving: (edge) => void leaving.push(edge),
      term: () => LEADER_TERM,
    });
  });

  test('hands on that an edge leaves', () => {
    take(EDGE, { type: 'leaving' });
    expect(leaving).toEqual([EDGE.podUid]);
  });

  test('keeps what an edge says of its load', () => {
    take(EDGE, { type: 'load', egressBitsPerSecond: 5e6, requestsPerSecond: null });
    expect(loads.of(EDGE.podUid)).toEqual({ egressBitsPerSecond: 5e6, requestsPerSecond: null });
  });

  test('passes a goodbye on to the other edges that count the viewer, and to no others', () => {
    book.follow({ uid: 'c1', timeoutSeconds: 60, peak: 0 });
    for (const podUid of ['there', 'elsewhere', EDGE.podUid]) {
      book.edgeSeen(podUid, true);
      book.edgeConnected(podUid);
      book.edgeSynced(podUid);
    }
    const [id, other] = ['00000000000000aa', '00000000000000bb'];
    book.viewers('there', { uid: 'c1', snapshot: false, joined: [{ id, trusted: true }], left: [] });
    take(EDGE, { type: 'leave', uid: 'c1', ids: [id, other], secondsAgo: 2 });
    expect(tellLeave.mock.calls).toEqual([['there', { uid: 'c1', ids: [id], secondsAgo: 2 }]]);
  });

  test('wakes the channel and the session that a report is about', () => {
    take(EDGE, { type: 'report', report: reportFixture({ ownerTerm: TERM, session: sessionReportFixture() }) });
    expect(reports.of('c1')).not.toBeNull();
    expect(channelChanged).toHaveBeenCalledWith('tv/film', 0);
    expect(sessionChanged).toHaveBeenCalledWith('tv/film-1', 0);
  });

  test('plans nothing for a report that tells of one more segment alone, and lets its status wait', () => {
    const session = sessionReportFixture();
    take(EDGE, { type: 'report', report: reportFixture({ ownerTerm: TERM, session }) });
    const later = { ...session, outTimeSeconds: 12, speed: 1.4 };
    take(EDGE, { type: 'report', report: reportFixture({ ownerTerm: TERM, lastMsn: 101, session: later }) });
    expect(channelChanged).toHaveBeenCalledTimes(1);
    expect(positionMoved).toHaveBeenLastCalledWith('tv/film', 60);
    expect(sessionChanged).toHaveBeenLastCalledWith('tv/film-1', 60);
    expect(reports.of('c1')?.lastMsn).toBe(101);
    take(EDGE, {
      type: 'report',
      report: reportFixture({ ownerTerm: TERM, lastMsn: 102, activeMode: 'Proxy', session }),
    });
    expect(channelChanged).toHaveBeenLastCalledWith('tv/film', 0);
  });

  const refused: readonly [string, object, string][] = [
    ['a channel that does not exist', { uid: 'c9', ownerTerm: TERM }, 'unknown_channel'],
    ['a term that nobody gave', { ownerTerm: firstOwnerTerm(LEADER_TERM + 1) }, 'unknown_term'],
  ];
  test.each(refused)('refuses a report of %s, and counts it', async (_name, changes, reason) => {
    take(EDGE, { type: 'report', report: reportFixture(changes) });
    expect(reports.of('c1')).toBeNull();
    expect(channelChanged).not.toHaveBeenCalled();
    expect(await metrics.text()).toContain(`sluice_edge_messages_refused_total{reason="${reason}"} 1`);
  });
});
