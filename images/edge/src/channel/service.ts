import type { Audience } from '@sluice/common/link/audience.ts';
import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { Reread } from './reread.ts';

/** A playlist ready to be sent. */
export interface PlaylistAnswer {
  readonly text: string;
  /** Seconds that a shared cache may keep it; 0 means `no-store`. */
  readonly maxAgeSeconds: number;
}

/** What the status API tells of a channel on this edge. */
export interface ChannelLive {
  readonly route: Route;
  /** Mode of the newest listed segment. */
  readonly activeMode: Route['mode'];
  /** This edge's own where it owns the channel, else what the owner has told it; null before there is any. */
  readonly report: OwnerReport | null;
  readonly audience: Audience | null;
}

/** Channels that an edge owned when it began to leave, and that were in use. */
export interface Departure {
  readonly handedOver: number;
  /** No successor has taken them: they end with the edge, or go on elsewhere when a successor misses it. */
  readonly kept: number;
}

/** Hears who owns a channel, in a word that goes before its route's. */
export type OwnersListener = (uid: string, owners: Route['owners'], ownerTerm: number) => void;

/**
 * The media side of an edge as its HTTP side sees it: routes in, playlists and files out. One instance per edge;
 * keys are `<namespace>/<name>`. Errors are SluiceErrors whose `status` is what the viewer gets:
 * CHANNEL_UNKNOWN 404, SOURCE_UNREACHABLE and OWNER_UNREACHABLE 503 (retryable), SEGMENT_UNKNOWN 404, RUNG_UNKNOWN 404.
 */
export interface ChannelService {
  /** Takes a new or changed route. Another uid under the same name replaces the channel and drops its files. */
  apply(route: Route): void;
  /** Ends a channel: polls, connections, files, waiting requests (they get CHANNEL_UNKNOWN). */
  remove(uid: string): Promise<void>;
  /** All Channels have been named: files of others, which were deleted while this process was down, go. */
  sweep(): Promise<void>;
  /** The operator's count of the whole audience, for status and events. */
  setAudience(audience: Audience): void;
  /** Viewers of a channel on this edge; above 0 wakes an idle channel at once, 0 lets it sleep when the operator says Idle or stays silent. */
  setLocalViewers(uid: string, viewers: number): void;
  /** Multivariant playlist; `sessionQuery` (e.g. `session=abc`) goes onto every media playlist URL in it. Waits up to 10 s for the first probe. */
  multivariant(key: string, sessionQuery: string, signal: AbortSignal): Promise<PlaylistAnswer>;
  /** Media playlist of `source` or a rung of the ladder. Waits up to 10 s for the first listed segment. */
  media(key: string, rung: string, signal: AbortSignal): Promise<PlaylistAnswer>;
  /** The answer that {@link media} would give at once; null where it would wait or refuse. */
  listed(key: string, rung: string): PlaylistAnswer | null;
  /** Somebody has got a media playlist that was {@link listed}: channel and rung are wanted, as after {@link media}. */
  asked(key: string, rung: string): void;
  /**
   * Resolves to null when a segment or initialization section (`s/...`) is a file on this edge, or to its bytes where there
   * is no room for it: another edge may have to be asked for it, once for all who wait. Throws SEGMENT_UNKNOWN (404),
   * OWNER_UNREACHABLE (503), EDGE_BUSY (503).
   */
  segment(key: string, name: string): Promise<Uint8Array | null>;
  /** Target duration in seconds of a channel's playlists, null before its first probe. */
  targetDurationSeconds(key: string): number | null;
  live(key: string): ChannelLive | null;
  /** All channels that have a route. */
  list(): readonly ChannelLive[];
  /** Reports of the channels that this edge owns. */
  reports(): readonly OwnerReport[];
  /** Subscribes to owner reports of all channels of this edge, called on each change; returns the unsubscribe function. */
  onReport(listener: (report: OwnerReport) => void): () => void;
  /** Subscribes to changes of channels that other edges own, by uid: mode, health; returns the unsubscribe function. */
  onFollowed(listener: (uid: string) => void): () => void;
  /** Subscribes to changes of what this edge publishes as an owner, by uid, and may tell more; returns the unsubscribe function. */
  onPublished(listener: (uid: string) => void): () => void;
  /** Subscribes to owners that edges have agreed on among themselves; returns the unsubscribe function. */
  onOwners(listener: OwnersListener): () => void;
  /** Subscribes to files that were fetched from another edge, called for each with its bytes; returns the unsubscribe function. */
  onFetched(listener: (bytes: number) => void): () => void;
  /**
   * Subscribes to listed files of owners that are gone which no edge has: read again from the source, or lost, each once;
   * returns the unsubscribe function.
   */
  onReread(listener: (result: Reread) => void): () => void;
  /**
   * This edge ends soon: what it owns and somebody wants goes to successors, and it takes no channel any more. What it is
   * asked for it goes on to answer, as a follower. Resolves when all that can be handed over is.
   */
  leave(): Promise<Departure>;
  /** Stops everything; resolves when no timer, connection or file handle is left. */
  close(): Promise<void>;
}
