import type { WriteStream } from 'node:tty';
import { isDeepStrictEqual, styleText } from 'node:util';
import type { Channel } from '@sluice/crds';
import { CHANNEL } from '../kinds.ts';
import type { ObjectStore } from '../runtime/memory/object-store.ts';
import type { InputEvents } from './input/folder-input.ts';

/** The part of a terminal's output stream that is used; `columns` is 0 where the terminal does not know it. */
export type TerminalOutput = Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'hasColors'>> & {
  write(text: string): unknown;
};

/** What a run writes to: lines that stay, and below them one line that is always the latest. */
export interface Terminal {
  readonly colour: boolean;
  write(line: string): void;
  /** Replaces the last line; where the output is no terminal there is none. */
  status(text: string): void;
  /** Takes the last line away. */
  end(): void;
}

const DEFAULT_COLUMNS = 80;
/** To the beginning of the row, and erase it (ECMA-48: CR, EL). */
const ERASE_ROW = '\r\x1b[K';

/** Writes to a terminal, or to a file or pipe, which gets the lines alone. */
export function createTerminal(output: TerminalOutput): Terminal {
  const isTerminal = output.isTTY === true;
  let last = '';
  const draw = (text: string) => output.write(isTerminal ? `${ERASE_ROW}${text}${last}` : text);
  const status = (text: string): void => {
    // A line that is wrapped could not be erased again.
    last = text.slice(0, (output.columns || DEFAULT_COLUMNS) - 1);
    draw('');
  };
  return {
    colour: isTerminal && output.hasColors?.() === true,
    write: (line) => void draw(`${line}\n`),
    status,
    end: () => status(''),
  };
}

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
  const { state = 'Unknown', count = 0 } = status?.viewers ?? {};
  return {
    channel: `${metadata.namespace}/${metadata.name}`,
    mode: status?.mode ?? '',
    viewers: state === 'Unknown' ? 'viewers unknown' : `${count} viewer${count === 1 ? '' : 's'}`,
    reason: ready?.status === 'False' ? ready.message : (status?.decisions?.at(-1)?.reason ?? ''),
  };
}

/** Columns that line up as long as names are not too long. */
export function textOf({ channel, mode, viewers, reason }: ChannelLine): string {
  return `${channel.padEnd(20)} ${mode.padEnd(9)} ${viewers.padEnd(11)} ${reason}`.trimEnd();
}

/** All channels in one line, those with viewers first: what does not fit is cut off. */
export function summaryOf(lines: readonly ChannelLine[]): string {
  return lines
    .toSorted((one, other) => Number(one.mode === 'Idle') - Number(other.mode === 'Idle'))
    .map(({ channel, mode, viewers, reason }) => `${channel} ${mode}, ${viewers}${reason && ` (${reason})`}`)
    .join(' | ');
}

/**
 * Prints a line for each channel whenever its mode, its audience or the reason changes, and all channels in the
 * terminal's last line. @param now milliseconds since the epoch. @returns ends it
 */
export function followChannels(store: ObjectStore, terminal: Terminal, now: () => number): () => void {
  const shown = new Map<string, ChannelLine>();
  const show = (channel: Channel, isDeleted: boolean): void => {
    const line = channelLine(channel);
    const isNews = isDeleted ? shown.delete(line.channel) : !isDeepStrictEqual(line, shown.get(line.channel));
    if (line.mode === '' || !isNews) return;
    if (!isDeleted) shown.set(line.channel, line);
    const text = `${new Date(now()).toLocaleTimeString('en-GB')}  ${isDeleted ? `${line.channel} is deleted` : textOf(line)}`;
    terminal.write(terminal.colour ? styleText('bold', text, { validateStream: false }) : text);
    terminal.status(summaryOf([...shown.values()]));
  };
  for (const object of store.list(CHANNEL)) show(CHANNEL.parse(object), false);
  return store.onEvent(({ kind, type, object }) => {
    if (kind.kind === CHANNEL.kind) show(CHANNEL.parse(object), type === 'DELETED');
  });
}

/** Tells people what becomes of their files: faults as `FILE:LINE: FIELD: MESSAGE`, of which terminals make links. */
export function printInput({ write, colour }: Pick<Terminal, 'write' | 'colour'>): InputEvents {
  return {
    refused(faults) {
      for (const { file, line, field, message } of faults) {
        const text = [line === 0 ? file : `${file}:${line}`, field, message].filter((part) => part !== '').join(': ');
        write(colour ? styleText('red', text, { validateStream: false }) : text);
      }
      write(`${faults[0]?.file ?? ''} is not taken as long as this is wrong; what it held before goes on`);
    },
    taken: (file, labels) =>
      write(`${file}${labels.length === 0 ? ' holds nothing any more' : `: ${labels.join(', ')}`}`),
  };
}
