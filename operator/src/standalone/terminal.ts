import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';
import type { Channel } from '@sluice/crds';
import { CHANNEL } from '../kinds.ts';
import type { ObjectStore } from '../runtime/memory/object-store.ts';

/** The part of a terminal's output stream that is used; `columns` is 0 where the terminal does not know it. */
export type TerminalOutput = Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'hasColors'>> & {
  write(text: string): unknown;
};

/** What a run writes to: lines that stay, and below them one line that is always the latest. */
export interface Terminal {
  readonly colour: boolean;
  /** @param style of the line, where the terminal has colours */
  write(line: string, style?: 'bold' | 'red'): void;
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
  const colour = isTerminal && output.hasColors?.() === true;
  return {
    colour,
    write: (line, style) =>
      void draw(`${colour && style !== undefined ? styleText(style, line, { validateStream: false }) : line}\n`),
    status,
    end: () => status(''),
  };
}

/** What people see of a channel. */
export interface ChannelLine {
  /** Empty until the operator has looked at the channel. */
  readonly mode: string;
  /** In columns that line up as long as names are not too long. */
  readonly text: string;
  /** The same in few characters. */
  readonly summary: string;
}

/** The line of a channel as its status has it: mode, viewers, and why it is in that mode or what keeps it from being ready. */
export function channelLine({ metadata, status }: Channel): ChannelLine {
  const channel = `${metadata.namespace}/${metadata.name}`;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const { state = 'Unknown', count = 0 } = status?.viewers ?? {};
  const mode = status?.mode ?? '';
  // Unknown is not the same as none.
  const viewers = state === 'Unknown' ? 'viewers unknown' : `${count} viewer${count === 1 ? '' : 's'}`;
  const reason = ready?.status === 'False' ? ready.message : (status?.decisions?.at(-1)?.reason ?? '');
  return {
    mode,
    text: `${channel.padEnd(20)} ${mode.padEnd(9)} ${viewers.padEnd(11)} ${reason}`.trimEnd(),
    summary: `${channel} ${mode}, ${viewers}${reason && ` (${reason})`}`,
  };
}

/** All channels in one line, those with viewers first: what does not fit is cut off. */
export function summaryOf(lines: readonly ChannelLine[]): string {
  const sorted = lines.toSorted((one, other) => Number(one.mode === 'Idle') - Number(other.mode === 'Idle'));
  return sorted.map(({ summary }) => summary).join(' | ');
}

/**
 * Prints a line for each channel whenever its mode, its audience or the reason changes, and all channels in the
 * terminal's last line. @param now milliseconds since the epoch. @returns ends it
 */
export function followChannels(store: ObjectStore, terminal: Terminal, now: () => number): () => void {
  const shown = new Map<string, ChannelLine>();
  return store.onEvent(({ kind, type, object }) => {
    if (kind.kind !== CHANNEL.kind) return;
    const channel = CHANNEL.parse(object);
    const { namespace, name } = channel.metadata;
    const [key, line] = [`${namespace}/${name}`, channelLine(channel)];
    const isNews = type === 'DELETED' ? shown.delete(key) : line.mode !== '' && line.text !== shown.get(key)?.text;
    if (!isNews) return;
    if (type !== 'DELETED') shown.set(key, line);
    const text = type === 'DELETED' ? `${key} is deleted` : line.text;
    terminal.write(`${new Date(now()).toLocaleTimeString('en-GB')}  ${text}`, 'bold');
    terminal.status(summaryOf([...shown.values()]));
  });
}
