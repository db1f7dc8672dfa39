import type { Logger } from '@sluice/common/log/log.ts';
import type { OwnerLinks } from '../replication/owner-link.ts';
import type { Clock } from './clock.ts';
import type { SegmentCache } from './segment-cache.ts';
import type { Ownership } from './succession.ts';

/** What a followed channel needs of its edge. */
export interface FollowerContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly links: OwnerLinks;
  /** Folder of the channel's files. */
  readonly folder: string;
  readonly cache: SegmentCache;
  /** Something that others see has changed. */
  readonly changed: () => void;
  /** Who was the owner names another one. */
  readonly superseded: (ownership: Ownership) => void;
  /** The owner cannot be reached: told again and again while that is so. */
  readonly ownerAway: () => void;
}
