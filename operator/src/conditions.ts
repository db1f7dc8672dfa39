import type { ChannelConditionType, ConditionStatus } from '@sluice/crds';

/** Reasons of one status of a condition, for the reference. */
export interface ReasonDescription<Type extends string = string> {
  readonly type: Type;
  readonly status: readonly ConditionStatus[];
  readonly reasons: readonly string[];
  /** Words beside the reasons where they are not ours. */
  readonly others?: string;
  readonly meaning: string;
}

/** Reasons in a Channel's conditions; docs/conditions.md is made of this. */
export const CHANNEL_REASONS: readonly ReasonDescription<ChannelConditionType>[] = [
  { type: 'Ready', status: ['True'], reasons: ['Serving', 'Idle'], meaning: 'plays, or would at once' },
  { type: 'Ready', status: ['False'], reasons: ['NoEdgeReady'], meaning: 'the message names the edge pods' },
  {
    type: 'Ready',
    status: ['False'],
    reasons: [],
    others: 'those of `SourceHealthy`',
    meaning: 'the source cannot be read',
  },
  { type: 'SourceHealthy', status: ['True'], reasons: ['Delivering', 'Healthy'], meaning: 'new segments come' },
  {
    type: 'SourceHealthy',
    status: ['True'],
    reasons: ['RenditionsLeftOut'],
    meaning:
      'new segments come; some of its pictures, languages or subtitles are not carried, the message says which and why (also in `status.source.facts.leftOut`)',
  },
  {
    type: 'SourceHealthy',
    status: ['True'],
    reasons: ['Degraded'],
    others: 'or any reason below',
    meaning: 'degraded: one failure, or a single segment; playback goes on',
  },
  {
    type: 'SourceHealthy',
    status: ['False'],
    reasons: ['SecretNotFound', 'SecretUnreadable', 'SecretInvalid', 'SecretNotRead'],
    meaning: 'the Secret of `source.headersFrom`, which the message names; looked for again every 30 s',
  },
  {
    type: 'SourceHealthy',
    status: ['False'],
    reasons: [
      'SourceUnreachable',
      'SourceTimeout',
      'SourceHttpStatus',
      'SourceNotFound',
      'TooManyRedirects',
      'SourceTooLarge',
      'SourcePiecemeal',
      'EdgeBusy',
      'SourceUrlInvalid',
      'SourceFailed',
    ],
    meaning: "the message has the URL's answer",
  },
  {
    type: 'SourceHealthy',
    status: ['False'],
    reasons: ['ForbiddenAddress'],
    meaning: '`sources.allowedCIDRs` does not admit the address',
  },
  {
    type: 'SourceHealthy',
    status: ['False'],
    reasons: ['NotAPlaylist', 'PlaylistInvalid', 'SourceUnsupported'],
    meaning:
      'no HLS playlist that can be followed: HTML, a key that viewers cannot get, audio in playlists of its own that cannot be carried, or another container than before; the message says which',
  },
  {
    type: 'SourceHealthy',
    status: ['True'],
    reasons: ['SourceStalled'],
    meaning: 'no new segment for three target durations: degraded',
  },
  {
    type: 'SourceHealthy',
    status: ['True'],
    reasons: ['SourceEnded'],
    meaning: 'EXT-X-ENDLIST: viewers play to the end; the channel goes on when the source does',
  },
  {
    type: 'SourceHealthy',
    status: ['True'],
    reasons: ['SegmentsTooLong'],
    meaning: 'segments longer than the target duration that the channel began with, which is fixed: viewers may stall',
  },
  {
    type: 'SourceHealthy',
    status: ['True'],
    reasons: ['SegmentBroken', 'StorageFailed'],
    meaning: 'a segment could not be used or stored: degraded',
  },
  {
    type: 'SourceHealthy',
    status: ['True'],
    reasons: ['StorageFull'],
    meaning:
      'the disk of the edge that owns the channel is full, and segments without room are skipped: degraded; enlarge `edge.media.sizeLimit`',
  },
  { type: 'SourceHealthy', status: ['Unknown'], reasons: ['NotWatched', 'NotYetRead'], meaning: 'nobody watches' },
  {
    type: 'DirectPossible',
    status: ['True', 'Unknown'],
    reasons: ['Possible', 'NotProbed'],
    meaning: 'it is, as far as is known; the message names the edge that probes the source',
  },
  {
    type: 'DirectPossible',
    status: ['False'],
    reasons: ['SourceNeedsHeaders', 'HeadersNeeded'],
    meaning: '`source.headersFrom` is set',
  },
  { type: 'DirectPossible', status: ['False'], reasons: ['SourceHidden'], meaning: '`delivery.exposeSource: false`' },
  {
    type: 'DirectPossible',
    status: ['False'],
    reasons: ['SourceHasQuery', 'QueryInUrl'],
    meaning: 'a query may be a key: `delivery.exposeSource: true` if viewers may see it',
  },
  {
    type: 'DirectPossible',
    status: ['False'],
    reasons: ['CredentialsInUrl', 'NoCors', 'ShortWindow', 'Impossible'],
    meaning: 'the source itself; Proxy is the least mode',
  },
  {
    type: 'DirectPossible',
    status: ['False'],
    reasons: ['ViewerCannotReachSource'],
    meaning: 'a viewer said so; Direct is tried again after ten minutes',
  },
  {
    type: 'TranscodePossible',
    status: ['True', 'Unknown'],
    reasons: ['Possible', 'NotProbed'],
    meaning: 'it is, as far as is known; the message names the edge that probes the source',
  },
  {
    type: 'TranscodePossible',
    status: ['False'],
    reasons: ['UnknownContainer', 'VideoCodec', 'AudioCodec', 'NoKeyframeAtStart', 'Encrypted', 'Impossible'],
    meaning: 'the source cannot be joined with a ladder; Proxy is the highest mode',
  },
  {
    type: 'TranscodePossible',
    status: ['False'],
    reasons: ['SourceEnded'],
    meaning:
      'the playlists have ended, and the transcode with them, until the source goes on or a recording begins anew',
  },
  {
    type: 'TranscodePossible',
    status: ['False'],
    reasons: ['LadderAboveSource'],
    meaning: 'add a rung that is not higher than the source',
  },
  {
    type: 'TranscodePossible',
    status: ['False'],
    reasons: ['TranscodeFailed'],
    meaning: 'the session failed; the message says when the next may start',
  },
  { type: 'TranscodeHealthy', status: ['True'], reasons: ['Live'], meaning: 'viewers get the ladder' },
  {
    type: 'TranscodeHealthy',
    status: ['False'],
    reasons: ['Late'],
    meaning: 'the encoder does not keep pace; the source is served instead: more CPU, fewer rungs, a faster preset',
  },
  {
    type: 'TranscodeHealthy',
    status: ['False'],
    reasons: ['StreamLimitExceeded'],
    meaning: 'the session waits until another one ends; the message has limit and count',
  },
  {
    type: 'TranscodeHealthy',
    status: ['False'],
    reasons: ['SessionRefused', 'TranscodeFailed'],
    meaning: 'the API server takes no StreamSession; the last one failed. The message says why',
  },
  {
    type: 'TranscodeHealthy',
    status: ['False', 'Unknown'],
    reasons: ['WaitingForSession'],
    others: "or the session's own `PodScheduled` or `Ready`, see below",
    meaning: 'the message names session, pod and node',
  },
  { type: 'TranscodeHealthy', status: ['Unknown'], reasons: ['NotWanted'], meaning: 'the audience is too small' },
  {
    type: 'LadderPending',
    status: ['True'],
    reasons: ['Watched'],
    meaning: 'the edited ladder takes effect when the channel is Idle',
  },
  {
    type: 'LadderPending',
    status: ['False'],
    reasons: ['InForce'],
    meaning: 'the playlists name the ladder of the spec',
  },
];
