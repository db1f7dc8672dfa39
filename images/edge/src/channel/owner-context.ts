import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import type { SourceClient } from '../source/client.ts';
import type { SourcePlaylist } from '../source/parse.ts';
import type { ChannelFiles } from '../storage/files.ts';
import type { Clock } from './clock.ts';
import type { TimelineCopy } from './copy.ts';

/** What the owner of a channel needs of its edge. */
export interface OwnerContext {
  readonly clock: Clock;
  readonly client: SourceClient;
  readonly logger: Logger;
  /** Folder of the channel's files; its `s` is what playlists name. */
  readonly folder: string;
  /** Opens the files in it. Throws the file system's errors. */
  readonly openFiles: () => Promise<ChannelFiles>;
  /** File of the stored timeline, on the same volume. */
  readonly statePath: string;
  /** Called with each report that differs from the one before. */
  readonly report: (report: OwnerReport) => void;
  /** Called with each new playlist of the source. */
  readonly seen: (playlist: SourcePlaylist) => void;
  /** Called when something that viewers see has changed, or may have. */
  readonly changed: () => void;
  /** The timeline of another edge that this one goes on with; null where there is none. */
  readonly takeOver: TimelineCopy | null;
}
