import { parseArgs } from 'node:util';

/** What the command line of `npm run viewers` asks for. */
export interface ViewersCommand {
  readonly namespace: string;
  readonly channel: string;
  readonly count: number;
  /** Base URL of the edge, without a slash at the end. */
  readonly edgeUrl: string;
  readonly rung: string;
  readonly fetchesSegments: boolean;
  readonly heartbeats: boolean;
  /** How long they stay, in seconds; Infinity until they are stopped. */
  readonly seconds: number;
}

/** One process polls and fetches for all of them; beyond a thousand it would measure itself. */
export const MAX_VIEWERS = 1000;
/** Port of the page where neither --url nor SLUICE_PORT says another. */
const DEFAULT_PORT = '8080';

/** Names of namespaces, channels and rungs (RFC 1123 labels). */
const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Reads the command line.
 * @param port of the page on this machine (SLUICE_PORT), if set
 * @throws Error that names the argument and the remedy
 */
export function readCommand(words: readonly string[], port: string = DEFAULT_PORT): ViewersCommand {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      url: { type: 'string', default: `http://127.0.0.1:${port}` },
      rung: { type: 'string', default: 'source' },
      'playlists-only': { type: 'boolean', default: false },
      heartbeats: { type: 'boolean', default: false },
      for: { type: 'string' },
    },
  });
  const [name, count, ...rest] = positionals;
  if (name === undefined || count === undefined)
    throw new Error('name the channel and the number of viewers: demo/film 4');
  if (rest.length > 0) throw new Error(`one channel and one number, but there is also ${rest.join(' ')}`);
  return {
    ...channelOf(name),
    count: numberOf('N', count, MAX_VIEWERS),
    edgeUrl: edgeUrlOf(values.url),
    rung: values.rung,
    fetchesSegments: !values['playlists-only'],
    heartbeats: values.heartbeats,
    seconds: values.for === undefined ? Number.POSITIVE_INFINITY : numberOf('--for', values.for, 1_000_000),
  };
}

/** A bare name means the namespace `default`, as everywhere in the viewer API. */
function channelOf(text: string): { namespace: string; channel: string } {
  const [first = '', second, ...more] = text.split('/');
  const [namespace, channel] = second === undefined ? ['default', first] : [first, second];
  if (more.length > 0 || !NAME.test(namespace) || !NAME.test(channel))
    throw new Error(`${text} is no channel: write <namespace>/<name>, e.g. demo/film`);
  return { namespace, channel };
}

function numberOf(name: string, text: string, most: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > most)
    throw new Error(`${name} must be a whole number from 1 to ${most}, not ${text}`);
  return number;
}

function edgeUrlOf(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new Error(`--url must be the http:// or https:// address of an edge, not ${text}`);
  return text.replace(/\/+$/, '');
}
