import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import type { OwnerLinks } from '../replication/owner-link.ts';
import type { SegmentClient } from '../replication/segments.ts';
import type { ChannelFiles } from '../storage/files.ts';
import type { Clock } from './clock.ts';
import type { FetchTurns } from './fetches.ts';
import type { MediaSideOptions } from './media-side.ts';
import type { Negotiation } from './negotiation.ts';
import type { Reread } from './reread.ts';
import type { Ownership } from './succession.ts';

/** What a channel needs of its edge. */
export interface ServedContext {
  readonly podUid: string;
  /** See {@link MediaSideOptions.connect}. */
  readonly connect: MediaSideOptions['connect'];
  readonly links: OwnerLinks;
  readonly segments: SegmentClient;
  readonly negotiation: Negotiation;
  readonly turns: FetchTurns;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Folder of the channel's files. */
  readonly folder: string;
  /** Opens the files in it. Throws the file system's errors. */
  readonly openFiles: () => Promise<ChannelFiles>;
  /** File of the stored timeline, on the same volume. */
  readonly statePath: string;
  /** Resolves when nothing of an earlier channel of this name is left. */
  readonly cleared: () => Promise<void> | undefined;
  /** This edge owns the channel and has something new to report. */
  readonly reported: (report: OwnerReport) => void;
  /** What other edges copy has changed, or may have. */
  readonly published: () => void;
  /** What this edge knows of another's channel has changed. */
  readonly followed: () => void;
  /** Another edge names an owner; the route follows. */
  readonly superseded: (ownership: Ownership) => void;
  /** A file has come from another edge. */
  readonly fetched: (bytes: number) => void;
  /** A listed file of the owner before was read from the source again, or is lost. */
  readonly reread: (result: Reread) => void;
}
