import type { RequestListener } from 'node:http';
import type { Logger } from '@sluice/common/log/log.ts';
import type { MediaSide } from '../channel/media-side.ts';
import type { ReadingRoom } from '../source/room.ts';
import { createWorkHandler } from '../work/handler.ts';
import { TimelineFeed } from './feed.ts';
import { createOwnershipListener } from './ownership.ts';
import { createSegmentListener } from './segments.ts';
import { createFeedServer, type FeedServer } from './socket.ts';
import { replicationTokenSha256 } from './token.ts';

/** What this edge is to the others. */
export interface EdgeIdentity {
  readonly podUid: string;
  /** Shared by all edges. */
  readonly sessionKey: Uint8Array;
}

/**
 * What the internal port answers: agents, and the edges that follow channels of this one.
 * @param room for what it reads
 */
export function createInternalPort(
  channels: MediaSide,
  { podUid, sessionKey }: EdgeIdentity,
  room: ReadingRoom,
  log: Logger,
): { readonly work: RequestListener; readonly replication: FeedServer } {
  const tokenSha256 = replicationTokenSha256(sessionKey, podUid);
  const feed = new TimelineFeed(channels, () => performance.now());
  channels.onPublished((uid) => feed.changed(uid));
  channels.onReport(({ uid }) => feed.reported(uid));
  const hear: Parameters<typeof createOwnershipListener>[0] = (uid, claim) => channels.hearOwners(uid, claim);
  const stored = (uid: string, name: string) => channels.storedFile(uid, name);
  return {
    work: createOwnershipListener(
      hear,
      tokenSha256,
      createSegmentListener(stored, tokenSha256, createWorkHandler(channels, room)),
    ),
    replication: createFeedServer(feed, { podUid, tokenSha256 }, log),
  };
}
