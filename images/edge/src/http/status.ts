import type { ChannelLive } from '../channel/service.ts';
import type { LocalAudience } from '../viewers/audiences.ts';

/** How the viewer API writes modes. */
export type ViewerMode = 'idle' | 'direct' | 'proxy' | 'transcode';

/** What the status API says of a channel. */
export interface ChannelStatus {
  /** `<namespace>/<name>`. */
  readonly channelId: string;
  /** Viewers: of all edges if the operator's count is known and fresh, else those of this edge (`viewersScope`). */
  readonly viewerCount: number;
  readonly viewersScope: 'all' | 'edge';
  /** Whether the whole count is known; with `stale` and `unknown`, viewerCount is a lower bound. */
  readonly viewersState: 'known' | 'stale' | 'unknown';
  /** True where an edge had more viewers than it can tell apart; viewerCount is a lower bound then. */
  readonly viewersApproximate: boolean;
  readonly peakViewers: number;
  /** Mode of the newest listed segment. */
  readonly mode: ViewerMode;
  /** What the last decision asks for; differs from `mode` while a switch is prepared. */
  readonly targetMode: ViewerMode;
  /** The last decision in words; empty before the first. */
  readonly reason: string;
  readonly health: 'healthy' | 'degraded' | 'down' | 'unknown';
  /** CamelCase, e.g. `SourceUnreachable`; empty while nothing is known. */
  readonly healthReason: string;
  readonly healthMessage: string;
  readonly maxViewers: number | null;
  /** URL of the multivariant playlist, as a path on this host. */
  readonly streamUrl: string;
}

/** The parts of a {@link ChannelStatus} that come from counting. */
export interface ViewerFigures {
  readonly viewerCount: number;
  readonly viewersScope: ChannelStatus['viewersScope'];
  readonly viewersState: ChannelStatus['viewersState'];
  readonly viewersApproximate: boolean;
  readonly peakViewers: number;
}

/**
 * The figures to show. The operator's count is about 100 ms old, so a viewer who has just come is only in the local one:
 * the greater of the two is right in both cases.
 * @param operatorFresh whether the operator is connected, or was until a moment ago
 */
export function viewerFigures(live: ChannelLive, local: LocalAudience, operatorFresh: boolean): ViewerFigures {
  const { audience } = live;
  const known = audience !== null && audience.state !== 'unknown';
  const isTold = known && operatorFresh;
  return {
    viewerCount: isTold ? Math.max(audience.viewers, local.count) : local.count,
    viewersScope: isTold ? 'all' : 'edge',
    viewersState: isTold ? audience.state : known ? 'stale' : 'unknown',
    viewersApproximate: local.approximate,
    peakViewers: Math.max(audience?.peak ?? 0, local.peak),
  };
}

/** Everything the viewer API says of a channel; pure. Nothing of the source's URL or headers is in it. */
export function channelStatus(live: ChannelLive, local: LocalAudience, operatorFresh: boolean): ChannelStatus {
  const { route, report, audience } = live;
  // What the owner knows by itself, another edge by way of the operator.
  const health = report?.health ?? audience?.health ?? null;
  return {
    channelId: `${route.namespace}/${route.name}`,
    ...viewerFigures(live, local, operatorFresh),
    mode: viewerMode(report === null ? (audience?.activeMode ?? live.activeMode) : live.activeMode),
    targetMode: viewerMode(route.mode),
    reason: audience?.reason ?? '',
    health: health?.state ?? 'unknown',
    healthReason: health?.reason ?? '',
    healthMessage: viewerHealthMessage(health),
    maxViewers: route.maxViewers ?? null,
    streamUrl: streamPath(route, null),
  };
}

/** What viewers hear of a source's trouble: the reason alone, because messages name its hosts, addresses and paths. */
function viewerHealthMessage(health: { readonly state: string; readonly reason: string } | null): string {
  const troubled = health?.state === 'degraded' || health?.state === 'down';
  return troubled ? `The channel's source has a problem (${health.reason})` : '';
}

/** The viewer URL of a channel as a path; the session is left out where ids must stay out of URLs. */
export function streamPath(route: ChannelLive['route'], sessionId: string | null): string {
  const path = `/live/${route.namespace}/${route.name}/index.m3u8`;
  return sessionId === null || route.identity === 'HeartbeatOnly' ? path : `${path}?session=${sessionId}`;
}

/** A mode as the viewer API writes it. */
export function viewerMode(mode: ChannelLive['activeMode']): ViewerMode {
  return VIEWER_MODES[mode];
}

const VIEWER_MODES: Readonly<Record<ChannelLive['activeMode'], ViewerMode>> = {
  Idle: 'idle',
  Direct: 'direct',
  Proxy: 'proxy',
  Transcode: 'transcode',
};

/** Whether a channel belongs in the list of active ones: somebody watches it, or it still publishes. */
export function isActive(status: ChannelStatus): boolean {
  return status.viewerCount > 0 || status.mode !== 'idle';
}
