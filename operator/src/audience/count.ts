/** How far a count can be trusted: `stale` misses what an edge knows now, `unknown` an edge that was never heard of. */
export type CountState = 'known' | 'stale' | 'unknown';

/** What the book needs to know of a channel. */
export interface CountedChannel {
  readonly uid: string;
  /** After this long the viewers of an edge that is gone have left or come back elsewhere. */
  readonly timeoutSeconds: number;
  /** Highest count so far; taken when the channel is followed for the first time. */
  readonly peak: number;
  /** Viewers that it may have; undefined: as many as come. */
  readonly maxViewers?: number | undefined;
}

/** The audience of one channel over all edges. */
export interface AudienceCount {
  readonly state: CountState;
  /** Different ids, on however many edges. */
  readonly viewers: number;
  /** Those that have asked for media playlists on at least one edge. */
  readonly trusted: number;
  readonly peak: number;
  /** When, in ms since the epoch, the count may change without any message; null: never. */
  readonly nextChangeMs: number | null;
}

/** What the book refused, for metrics. */
export interface BookRefusals {
  /** Messages about channels that the operator does not know (deleted meanwhile, or an edge that errs). */
  readonly unknownChannel: number;
  /** Ids above the limit for one edge and channel. */
  readonly tooManyIds: number;
}
