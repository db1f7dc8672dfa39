import type { Logger } from '@sluice/common/log/log.ts';
import type { FeedSource } from '../replication/feed.ts';
import type { OwnerLinks } from '../replication/owner-link.ts';
import type { OwnersAnswer, OwnersClaim, OwnershipClient } from '../replication/ownership.ts';
import type { SegmentClient, StoredFile } from '../replication/segments.ts';
import type { SourceClient } from '../source/client.ts';
import type { MediaVolume } from '../storage/volume.ts';
import type { Clock } from './clock.ts';
import type { ChannelOwner } from './owner.ts';
import type { ChannelService } from './service.ts';

/** What the media side is built from. */
export interface MediaSideOptions {
  /** Absolute path of the media volume. */
  readonly mediaDirectory: string;
  /** What gives the files on it their room. */
  readonly volume: MediaVolume;
  readonly podUid: string;
  /** Makes what reads the source of one channel, given its target duration in seconds (null: not known yet). */
  readonly connect: (targetDurationSeconds: () => number | null) => SourceClient;
  /** Connections to the edges that own what this one follows; closed with the service. */
  readonly links: OwnerLinks;
  /** What fetches segments from other edges; closed with the service. */
  readonly segments: SegmentClient;
  /** What speaks with other edges about owners; closed with the service. */
  readonly ownership: OwnershipClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The media side, with what agents and other edges need beside the viewers' interface. */
export interface MediaSide extends ChannelService, FeedSource {
  /** The owner of the channel whose transcode session this is or just was; null where this edge knows none. */
  ownerOfSession(namespace: string, session: string): ChannelOwner | null;
  /**
   * A file (`s/...`) of a channel that lies on this edge, whoever owns the channel; null where it does not. It is fetched
   * where an edge that does not reach the owner goes on by way of this one.
   */
  storedFile(uid: string, name: string): Promise<StoredFile | null>;
  /** Another edge says who owns a channel, or that the owner is away; null for a channel that is not known here. */
  hearOwners(uid: string, claim: OwnersClaim): Promise<OwnersAnswer | null>;
}
