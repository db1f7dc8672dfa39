import type { Channel } from '@sluice/crds';

/** What people see of a channel, as texts. */
export interface ChannelLine {
  /** `namespace/name` */
  readonly channel: string;
  /** Empty until the operator has looked at the channel. */
  readonly mode: string;
  /** `1 viewer`; `viewers unknown`, which is not the same as none. */
  readonly viewers: string;
  /** Why the channel is in its mode, or what keeps it from being ready. */
  readonly reason: string;
}

/** The line of a channel as its status has it. */
export function channelLine({ metadata, status }: Channel): ChannelLine {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const decided = status?.decisions?.at(-1)?.reason ?? '';
  return {
    channel: `${metadata.namespace}/${metadata.name}`,
    mode: status?.mode ?? '',
    viewers: viewersText(status?.viewers),
    reason: ready?.status === 'False' ? ready.message : decided,
  };
}

/** Columns that line up as long as names are not too long. */
export function textOf({ channel, mode, viewers, reason }: ChannelLine): string {
  return `${channel.padEnd(20)} ${mode.padEnd(9)} ${viewers.padEnd(11)} ${reason}`.trimEnd();
}

/** All channels in as few words as possible. */
export function summaryOf(lines: readonly ChannelLine[]): string {
  return lines.map(({ channel, mode, viewers }) => `${channel} ${mode}, ${viewers}`).join(' | ');
}

function viewersText(viewers: NonNullable<Channel['status']>['viewers']): string {
  if (viewers === undefined || viewers.state === 'Unknown') return 'viewers unknown';
  return viewers.count === 1 ? '1 viewer' : `${viewers.count} viewers`;
}
