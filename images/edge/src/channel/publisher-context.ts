import type { SluiceError } from '@sluice/common/errors/error.ts';
import type { Mode } from '@sluice/common/link/mode.ts';
import type { Route } from '@sluice/common/link/route.ts';
import type { SourceClient } from '../source/client.ts';
import type { SourceHeaders } from '../source/headers.ts';
import type { ChannelFiles } from '../storage/files.ts';
import type { TimelineLog } from '../timeline/log.ts';
import type { Clock } from './clock.ts';
import type { TranscodeSession } from './transcode.ts';

/** What a publisher asks of its channel, each time anew. */
export interface PublisherView {
  readonly uid: string;
  readonly headers: SourceHeaders;
  readonly mode: Mode;
  /** Rungs for a new log, `source` first. */
  readonly rungs: readonly string[];
  readonly resume: Route['resume'];
  readonly session: TranscodeSession | null;
  /** The constant lag in ms at a target duration. */
  lagMs(targetDurationSeconds: number): number;
}

/** What a publisher needs of its surroundings. */
export interface PublisherContext {
  readonly clock: Clock;
  readonly client: SourceClient;
  readonly files: ChannelFiles;
  readonly view: () => PublisherView;
  /** Makes a log outlast this process, before it is shown to anybody. */
  readonly save: (log: TimelineLog) => Promise<void>;
  /** Something that others see has changed. */
  readonly changed: () => void;
  /** A segment could not be read or stored; null: one could. */
  readonly trouble: (error: SluiceError | null) => void;
  /**
   * A segment was published; `complete`: no other rendition of the source lacks it; `encryption`: the scheme that its
   * initialization section names.
   */
  readonly published: (complete: boolean, encryption: string | null) => void;
}
