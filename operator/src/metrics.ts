import type { Mode } from '@sluice/common/link/mode.ts';
import type { Counter, Gauge, Histogram, Metrics } from '@sluice/common/metrics/metrics.ts';
import { INCIDENT_REASONS } from '@sluice/common/work/incident.ts';
import type { StreamSession, StreamSessionPhase } from '@sluice/crds';
import type { AudienceBook } from './audience/book.ts';
import { REASON_CODES } from './channel/decision.ts';
import { MODES } from './channel/mode.ts';
import { EVENTS } from './events.ts';

/**
 * The operator's own metrics; names begin with `sluice_`. Channels are labels (an operator has 10,000 at most, and
 * only those that are watched have series); viewers and sessions never are.
 */
export interface OperatorMetrics {
  /** Changes of the desired mode, by new mode and reason. */
  readonly decisions: Counter<'to' | 'reason'>;
  /** Changes of the mode that viewers get. */
  readonly switches: Counter<'from' | 'to'>;
  /** From the decision for Transcode to its first listed segment, in seconds. */
  readonly promotionSeconds: Histogram<never>;
  /** From the start of the agent in a transcode pod until each of its rungs had a segment stored, in seconds. */
  readonly firstSegmentsSeconds: Histogram<never>;
  /** Events on Channels and on the edges' Deployment, repetitions included. */
  readonly events: Counter<'reason'>;
  /** What happened in transcode pods besides their work. */
  readonly incidents: Counter<'incident'>;
  readonly statusWrites: Counter<never>;
  /** Edge pods: what their Deployment asks for, and what was decided. Empty where the operator does not scale them. */
  readonly edgeScale: Gauge<'state'>;
  /** Changes of their number. */
  readonly edgeScalings: Counter<'direction'>;
  /** Messages of edges that were not taken, by reason. */
  readonly refusedMessages: Counter<'reason'>;
  /** Sets the series of a channel; an idle one without viewers has none. */
  observeChannel(uid: string, namespace: string, channel: string, now: ChannelNumbers): void;
  forgetChannel(uid: string, namespace: string, channel: string): void;
}

/** What the series of a channel show. */
export interface ChannelNumbers {
  readonly viewers: number;
  readonly desired: Mode;
  readonly active: Mode;
}

/** What the gauges look at when they are read. */
export interface MetricSources {
  readonly links: () => { readonly connected: number; readonly edges: number; readonly backlog: number };
  readonly book: Pick<AudienceBook, 'refused' | 'silentSeconds' | 'ageSeconds'>;
  readonly sessions: () => Iterable<Pick<StreamSession, 'status'>>;
  /** Of each session that waits for a place: which limit it waits for. */
  readonly waiting: () => Iterable<{ readonly scope: 'owner' | 'total' }>;
  /** Sessions with a place, by owner. */
  readonly admitted: () => ReadonlyMap<string, number>;
}

/** From an encoder that starts at once to a pod that waits for an image and a node. */
const PROMOTION_BUCKETS = [1, 2, 3, 5, 7.5, 10, 15, 20, 30, 60, 120, 300];

/** Around the aim of 3 s with segments of 2 s, up to sources with long segments and encoders that are tried in vain. */
const FIRST_SEGMENTS_BUCKETS = [1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 15, 20, 30, 60, 120];

/** Declares the metrics in the program's registry. */
export function createOperatorMetrics(metrics: Metrics, sources: MetricSources): OperatorMetrics {
  declareGauges(metrics, sources);
  return {
    decisions: metrics.counter(
      'sluice_decisions_total',
      `Changes of the desired mode, by what it became and why: ${REASON_CODES.join(', ')}`,
      ['to', 'reason'],
    ),
    switches: metrics.counter('sluice_mode_switches_total', 'Changes of the mode that viewers get', ['from', 'to']),
    promotionSeconds: metrics.histogram(
      'sluice_promotion_seconds',
      'From the decision for Transcode to its first listed segment',
      [],
      PROMOTION_BUCKETS,
    ),
    firstSegmentsSeconds: metrics.histogram(
      'sluice_first_segments_seconds',
      'From the start of the agent in a transcode pod until each of its rungs had a segment stored',
      [],
      FIRST_SEGMENTS_BUCKETS,
    ),
    incidents: incidentCounter(metrics),
    events: eventCounter(metrics),
    ...edgeScaleMetrics(metrics),
    statusWrites: metrics.counter('sluice_channel_status_writes_total', 'Writes of Channel status'),
    refusedMessages: metrics.counter('sluice_edge_messages_refused_total', 'Messages of edges that were not taken', [
      'reason',
    ]),
    ...channelGauges(metrics, sources),
  };
}

function edgeScaleMetrics(metrics: Metrics): Pick<OperatorMetrics, 'edgeScale' | 'edgeScalings'> {
  const edgeScalings = metrics.counter(
    'sluice_edge_scalings_total',
    'Changes of the number of edge pods by the operator (`edge.autoscaling`)',
    ['direction'],
  );
  for (const direction of ['up', 'down']) edgeScalings.inc({ direction }, 0);
  const help =
    'Edge pods: what their Deployment asks for, and what the operator has decided; no series without `edge.autoscaling`';
  return { edgeScalings, edgeScale: metrics.gauge('sluice_edge_replicas', help, ['state']) };
}

/** Labels of a channel's series. */
interface Series {
  readonly namespace: string;
  readonly channel: string;
}

/** What is known of the series of a channel. */
interface Shown {
  readonly series: Series;
  numbers: ChannelNumbers;
  /** As its gauges were set last, in the order of {@link CHANNEL_GAUGES}. */
  readonly told: number[];
}

/** The gauges of a channel, with their values; the age of its count is asked for. */
const CHANNEL_GAUGES: readonly {
  readonly name: string;
  readonly help: string;
  readonly value: (numbers: ChannelNumbers, ageSeconds: () => number) => number;
}[] = [
  {
    name: 'sluice_channel_viewers',
    help: 'Viewers of a channel over all edges; no series while it is Idle and unwatched',
    value: ({ viewers }) => viewers,
  },
  {
    name: 'sluice_channel_desired_mode',
    help: 'Desired mode: 0 Idle, 1 Direct, 2 Proxy, 3 Transcode',
    value: ({ desired }) => MODES.indexOf(desired),
  },
  {
    name: 'sluice_channel_mode',
    help: 'Mode that viewers get: 0 Idle, 1 Direct, 2 Proxy, 3 Transcode',
    value: ({ active }) => MODES.indexOf(active),
  },
  {
    name: 'sluice_channel_viewers_age_seconds',
    help: 'Age of the count: how long an edge that may have viewers of the channel has not been heard; 0: the count is exact',
    value: (_numbers, ageSeconds) => ageSeconds(),
  },
];

/**
 * A channel has series while it is watched or not Idle: as many as are looked at, not as many as there are. They are set
 * when they are read: finding one by its labels costs more than most plans have to say of it.
 */
function channelGauges(
  metrics: Metrics,
  { book }: MetricSources,
): Pick<OperatorMetrics, 'observeChannel' | 'forgetChannel'> {
  const shown = new Map<string, Shown>();
  const gauges = CHANNEL_GAUGES.map(({ name, help, value }, index) =>
    metrics.gauge(name, help, ['namespace', 'channel'], (gauge) => {
      for (const [uid, { series, numbers, told }] of shown) {
        const now = value(numbers, () => book.ageSeconds(uid));
        if (told[index] === now) continue;
        told[index] = now;
        gauge.set(series, now);
      }
    }),
  );
  const forgetChannel = (uid: string, namespace: string, channel: string): void => {
    if (!shown.delete(uid)) return;
    for (const gauge of gauges) gauge.remove({ namespace, channel });
  };
  return {
    observeChannel(uid, namespace, channel, now) {
      if (now.desired === 'Idle' && now.active === 'Idle' && now.viewers === 0) {
        forgetChannel(uid, namespace, channel);
        return;
      }
      const known = shown.get(uid);
      if (known === undefined) shown.set(uid, { series: { namespace, channel }, numbers: now, told: [] });
      else known.numbers = now;
    },
    forgetChannel,
  };
}

/** Zero from the start: the first force kill is a growth that an alert sees. */
function incidentCounter(metrics: Metrics): Counter<'incident'> {
  const counter = metrics.counter(
    'sluice_session_incidents_total',
    'Force kills and resource warnings in transcode pods',
    ['incident'],
  );
  for (const incident of INCIDENT_REASONS) counter.inc({ incident }, 0);
  return counter;
}

function eventCounter(metrics: Metrics): Counter<'reason'> {
  const help = 'Events told of Channels and of the Deployment of the edges by reason, repetitions included';
  const counter = metrics.counter('sluice_events_total', help, ['reason']);
  for (const reason of Object.keys(EVENTS)) counter.inc({ reason }, 0);
  return counter;
}

function declareGauges(metrics: Metrics, sources: MetricSources): void {
  const { links, book } = sources;
  metrics.gauge('sluice_edges', 'Edge pods by whether their link is up', ['linked'], (gauge) => {
    const { connected, edges } = links();
    gauge.set({ linked: 'true' }, connected);
    gauge.set({ linked: 'false' }, edges - connected);
  });
  metrics.gauge('sluice_link_backlog', 'Messages that wait for slow edges', [], (gauge) => gauge.set(links().backlog));
  metrics.gauge('sluice_audience_refused', 'Ids and messages that the count left out', ['reason'], (gauge) => {
    const { unknownChannel, tooManyIds } = book.refused();
    gauge.set({ reason: 'unknown_channel' }, unknownChannel);
    gauge.set({ reason: 'too_many_ids' }, tooManyIds);
  });
  metrics.gauge(
    'sluice_audience_age_seconds',
    'How long the edge that is silent longest has not been heard, whatever channels it serves; 0: all are heard',
    [],
    (gauge) => gauge.set(book.silentSeconds()),
  );
  declareSessionGauges(metrics, sources);
}

/** Every phase and scope has a series from the start. */
const PHASES_SHOWN: readonly StreamSessionPhase[] = ['Pending', 'Starting', 'Running', 'Completed', 'Failed'];

function declareSessionGauges(metrics: Metrics, { sessions, waiting, admitted }: MetricSources): void {
  metrics.gauge('sluice_sessions', 'StreamSessions by phase', ['phase'], (gauge) => {
    const phases = [...sessions()].map(({ status }) => status?.phase ?? 'Pending');
    for (const [phase, count] of countsOf(phases, PHASES_SHOWN)) gauge.set({ phase }, count);
  });
  metrics.gauge(
    'sluice_sessions_waiting',
    'StreamSessions that wait for a place, by the limit: of their owner, or the total',
    ['limit'],
    (gauge) => {
      const scopes = [...waiting()].map(({ scope }) => scope);
      for (const [limit, count] of countsOf(scopes, ['owner', 'total'])) gauge.set({ limit }, count);
    },
  );
  // At most as many owners as the limit of all has places.
  metrics.gauge('sluice_owner_sessions', 'StreamSessions that may run, by owner', ['owner'], (gauge) => {
    gauge.reset();
    for (const [owner, count] of admitted()) gauge.set({ owner }, count);
  });
  metrics.gauge('sluice_sessions_encoding', 'StreamSessions at work, by encoder', ['encoder'], (gauge) => {
    gauge.reset();
    const working = [...sessions()].filter(({ status }) => status?.phase === 'Starting' || status?.phase === 'Running');
    const encoders = working.flatMap(({ status }) => status?.encoder ?? []);
    for (const [encoder, count] of countsOf(encoders, [])) gauge.set({ encoder }, count);
  });
}

function countsOf(words: readonly string[], known: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map(known.map((word) => [word, 0]));
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
