import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import type { Channel, StreamSession } from '@sluice/crds';
import type { AudienceCount } from '../audience/count.ts';
import type { EdgeEndpoint } from '../link/endpoints.ts';
import type { ChannelMemory } from './memory.ts';
import type { OwnerClaim } from './owners.ts';

/** The request headers of a source: their Secret may be missing or useless. */
export type SourceHeaders =
  | { readonly state: 'found'; readonly headers: Readonly<Record<string, string>> }
  | { readonly state: 'missing'; readonly reason: string; readonly message: string };

/** Everything about one channel that a reconciliation looks at, gathered at one moment. */
export interface Observed {
  readonly nowMs: number;
  readonly channel: Channel;
  readonly headers: SourceHeaders;
  readonly audience: AudienceCount;
  /** Trusted viewers with a sign of life in the second half of the pending window. */
  readonly alive: number;
  /** What the owner said last; null if no owner has spoken. */
  readonly report: OwnerReport | null;
  /** Which edge that was, at which term; null if no owner has spoken. */
  readonly claim: OwnerClaim | null;
  readonly edges: readonly EdgeEndpoint[];
  /** Term of the leader that observes. */
  readonly term: number;
  /** StreamSessions of this very Channel that are not being deleted, the newest first. */
  readonly sessions: readonly StreamSession[];
  /** A deleted StreamSession whose pods still end in order: they may prove themselves to the owner until they are gone. */
  readonly leaving: StreamSession | null;
  /** Why the API server allows no StreamSession, in its words; null: it does. */
  readonly refusal: string | null;
  /** When this operator last made a session, ms since the epoch; 0: never. */
  readonly madeMs: number;
  readonly memory: ChannelMemory;
}
