import type { SourceHealth } from '@sluice/common/link/owner-report.ts';
import {
  CHANNEL_CONDITIONS,
  type ChannelConditionType,
  type Condition,
  type ConditionStatus,
  STREAM_SESSION_CONDITIONS,
} from '@sluice/crds';
import { timedConditions } from '../../runtime/apply/conditions.ts';
import type { Decision, ModeObstacle } from '../decision.ts';
import type { LadderInForce } from '../ladder.ts';
import type { Observed } from '../observed.ts';
import { limited } from './text.ts';

/** A condition before it is known since when it holds. */
export interface Finding {
  readonly type: string;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
}

/** So many edges are named in a condition; their pods are found by label anyway. */
const NAMED_EDGES = 3;

/** What the conditions of a channel are about. */
export interface ConditionInput {
  readonly observed: Observed;
  readonly decision: Decision;
  readonly obstacles: { readonly direct: ModeObstacle | null; readonly transcode: ModeObstacle | null };
  readonly ladder: LadderInForce;
  /** Null while nobody has told. */
  readonly health: SourceHealth | null;
  /** Whether the source was ever probed. */
  readonly probed: boolean;
  /** Pod name of the edge that owns the channel; empty: none does. */
  readonly owner: string;
}

/** All conditions of a channel; every reconciliation sets all of them. */
export function channelFindings(input: ConditionInput): readonly Finding[] {
  const source = sourceHealthy(input);
  return [
    ready(input, source),
    source,
    possible(CHANNEL_CONDITIONS.directPossible, input.obstacles.direct, input),
    possible(CHANNEL_CONDITIONS.transcodePossible, input.obstacles.transcode, input),
    transcodeHealthy(input),
    ladderPending(input.ladder),
  ];
}

/** Gives findings the times of the conditions that they replace: `lastTransitionTime` moves only with `status`. */
export function withTimes(
  findings: readonly Finding[],
  previous: readonly Condition[],
  observedGeneration: number,
  nowMs: number,
): Condition[] {
  const bounded = findings.map((finding) => ({ ...finding, message: limited(finding.message) }));
  return timedConditions(bounded, previous, observedGeneration, nowMs);
}

function ready({ observed, decision }: ConditionInput, source: Finding): Finding {
  const type = CHANNEL_CONDITIONS.ready;
  if (!observed.edges.some((edge) => edge.ready)) {
    return { type, status: 'False', reason: 'NoEdgeReady', message: whyNoEdge(observed) };
  }
  if (source.status === 'False') return { ...source, type };
  return decision.mode === 'Idle'
    ? { type, status: 'True', reason: 'Idle', message: 'nobody watches; the first viewer is served at once' }
    : { type, status: 'True', reason: 'Serving', message: 'the channel plays' };
}

function whyNoEdge({ edges }: Observed): string {
  if (edges.length === 0) return 'there is no edge pod: look at the Deployment of the edges';
  const names = edges.slice(0, NAMED_EDGES).map(({ podName }) => podName);
  const rest = edges.length > names.length ? ` and ${edges.length - names.length} more` : '';
  return `no edge is ready; kubectl describe says why of pod ${names.join(', ')}${rest}`;
}

function sourceHealthy({ observed, health, owner }: ConditionInput): Finding {
  const type = CHANNEL_CONDITIONS.sourceHealthy;
  if (observed.headers.state === 'missing') {
    return { type, status: 'False', reason: observed.headers.reason, message: observed.headers.message };
  }
  if (health === null || health.state === 'unknown') {
    const message = health?.message || 'the source is not read while nobody watches';
    return { type, status: 'Unknown', reason: camel(health?.reason, 'NotWatched'), message };
  }
  const status = health.state === 'down' ? 'False' : 'True';
  const fallback = { healthy: 'Healthy', degraded: 'Degraded', down: 'SourceUnreachable' }[health.state];
  const message = health.message || (status === 'True' ? 'the source delivers' : 'the source does not answer');
  const by = status === 'True' || owner === '' ? '' : `edge ${owner} reads the source in vain: `;
  return { type, status, reason: camel(health.reason, fallback), message: `${by}${message}` };
}

function possible(
  type: ChannelConditionType,
  obstacle: ModeObstacle | null,
  { probed, owner }: ConditionInput,
): Finding {
  if (obstacle !== null) {
    return { type, status: 'False', reason: camel(obstacle.reason, 'Impossible'), message: obstacle.message };
  }
  if (probed) return { type, status: 'True', reason: 'Possible', message: 'nothing speaks against it' };
  const prober = owner === '' ? 'an edge' : `edge ${owner}`;
  return { type, status: 'Unknown', reason: 'NotProbed', message: `waits for ${prober} to probe the source` };
}

function transcodeHealthy({ observed, decision, obstacles }: ConditionInput): Finding {
  const type = CHANNEL_CONDITIONS.transcodeHealthy;
  if (obstacles.transcode?.reason === 'TranscodeFailed') {
    return { type, status: 'False', reason: 'TranscodeFailed', message: obstacles.transcode.message };
  }
  if (decision.mode !== 'Transcode') {
    return { type, status: 'Unknown', reason: 'NotWanted', message: 'no transcode is wanted' };
  }
  if (observed.refusal !== null) {
    const message = `the API server allows no StreamSession: ${observed.refusal}`;
    return { type, status: 'False', reason: 'SessionRefused', message };
  }
  const last = observed.channel.status?.conditions?.find((condition) => condition.type === type);
  if (observed.report === null && observed.audience.state !== 'known' && last !== undefined) {
    return { type, status: last.status, reason: last.reason, message: last.message }; // the edges are not linked yet
  }
  const state = observed.report?.session?.state;
  if (state === 'Live') return { type, status: 'True', reason: 'Live', message: liveMessage(observed) };
  if (state === 'Late') {
    const message =
      observed.report?.session?.message || 'the transcode does not keep pace; the source is served instead';
    return { type, status: 'False', reason: 'Late', message };
  }
  return sessionProgress(observed);
}

/** An encode on the CPU delivers as well; who asked for a GPU wants to know. */
function liveMessage({ sessions }: Observed): string {
  const conditions = sessions[0]?.status?.conditions ?? [];
  const onCpu = conditions.find(
    ({ type, status }) => type === STREAM_SESSION_CONDITIONS.accelerated && status === 'False',
  );
  return ['viewers get the transcoded ladder', onCpu?.message].filter((part) => part !== undefined).join('; ');
}

/**
 * What the session waits for, in its own words: a place within the limits, its pod, or what the scheduler or the kubelet
 * say of that.
 */
function sessionProgress({ sessions: [session] }: Observed): Finding {
  const type = CHANNEL_CONDITIONS.transcodeHealthy;
  if (session?.metadata.uid === undefined) {
    return { type, status: 'Unknown', reason: 'WaitingForSession', message: 'the StreamSession is being made' };
  }
  const { podScheduled, ready } = STREAM_SESSION_CONDITIONS;
  const conditions = session.status?.conditions ?? [];
  const found =
    conditions.find((condition) => condition.type === podScheduled && condition.status === 'False') ??
    conditions.find((condition) => condition.type === ready && condition.status !== 'True');
  const { status, reason, message } = found ?? { status: 'Unknown', reason: 'WaitingForSession', message: 'it starts' };
  return { type, status, reason, message: `StreamSession ${session.metadata.name}: ${message}` };
}

function ladderPending({ pending }: LadderInForce): Finding {
  const type = CHANNEL_CONDITIONS.ladderPending;
  return pending
    ? { type, status: 'True', reason: 'Watched', message: 'the new ladder takes effect when the channel is Idle' }
    : { type, status: 'False', reason: 'InForce', message: 'the playlists name the ladder of the spec' };
}

/** Reasons must be one CamelCase word; an edge's word that is none is replaced. */
function camel(reason: string | undefined, fallback: string): string {
  return reason !== undefined && /^[A-Z][A-Za-z0-9]{0,127}$/.test(reason) ? reason : fallback;
}
