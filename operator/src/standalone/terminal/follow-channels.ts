import { isDeepStrictEqual, styleText } from 'node:util';
import { CHANNEL } from '../../kinds.ts';
import { createReflector } from '../../runtime/cache/reflector.ts';
import { type Client, keyOf } from '../../runtime/client/client.ts';
import { type ChannelLine, channelLine, summaryOf, textOf } from './channel-line.ts';
import type { Terminal } from './terminal.ts';

/** What follows the channels. */
export interface FollowOptions {
  readonly client: Client;
  readonly terminal: Terminal;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Prints a line for each channel whenever its mode, its audience or the reason changes, and all channels in the
 * terminal's last line, until `stop`.
 */
export function followChannels({ client, terminal, now }: FollowOptions): { stop(): Promise<void> } {
  const shown = new Map<string, ChannelLine>();
  const channels = createReflector({ client, type: CHANNEL });
  const print = (text: string) => {
    const line = `${new Date(now()).toLocaleTimeString('en-GB')}  ${text}`;
    terminal.write(terminal.colour ? styleText('bold', line, { validateStream: false }) : line);
    terminal.status(summaryOf([...shown.values()]));
  };
  channels.onChange(({ before, after }) => {
    const key = keyOf((after ?? before)?.metadata ?? { name: '' });
    const known = shown.get(key);
    if (after === null) {
      if (shown.delete(key)) print(`${key} is deleted`);
      return;
    }
    const line = channelLine(after);
    if (line.mode === '' || isDeepStrictEqual(line, known)) return;
    shown.set(key, line);
    print(textOf(line));
  });
  channels.start();
  return { stop: () => channels.stop() };
}
