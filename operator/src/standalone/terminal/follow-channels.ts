import { styleText } from 'node:util';
import { CHANNEL } from '../../kinds.ts';
import { createReflector } from '../../runtime/cache/reflector.ts';
import { type Client, keyOf } from '../../runtime/client/client.ts';
import { channelLine, textOf } from './channel-line.ts';

/** Where lines go and how they look. */
export interface FollowOptions {
  readonly client: Client;
  readonly write: (line: string) => void;
  readonly colour: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Prints a line for each channel whenever its mode, its audience or the reason changes, until `stop`. */
export function followChannels({ client, write, colour, now }: FollowOptions): { stop(): Promise<void> } {
  const shown = new Map<string, string>();
  const channels = createReflector({ client, type: CHANNEL });
  const print = (text: string) => {
    const line = `${new Date(now()).toLocaleTimeString('en-GB')}  ${text}`;
    write(colour ? styleText('bold', line, { validateStream: false }) : line);
  };
  channels.onChange(({ before, after }) => {
    const key = keyOf((after ?? before)?.metadata ?? { name: '' });
    const text = after === null ? `${key} is deleted` : textOf(channelLine(after));
    if (shown.get(key) === text) return;
    if (after === null) shown.delete(key);
    else shown.set(key, text);
    print(text);
  });
  channels.start();
  return { stop: () => channels.stop() };
}
