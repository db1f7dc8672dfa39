import { parseArgs } from 'node:util';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';

/** What can be measured, in the order in which the parts disturb each other least. */
export const PARTS = [
  'edge',
  'counting',
  'events',
  'rollout',
  'operator',
  'proxy',
  'promotion',
  'route',
  'memory',
] as const;
/** Something that the bench measures by itself. */
export type Part = (typeof PARTS)[number];

/** More than an operator is made for says nothing about it. */
const MOST_CHANNELS = 20_000;

/** What a run of the bench is to measure. */
export interface BenchArguments {
  readonly help: boolean;
  readonly parts: readonly Part[];
  /** What of the part `edge`, by the names that were given. */
  readonly edgeParts: readonly string[];
  /** Numbers of Channels of the part `operator`; null: the usual ones. */
  readonly channels: readonly number[] | null;
}

/**
 * @param partsOfEdge names of what `edge:NAME` asks for
 * @throws SluiceError INVALID_ARGUMENT naming what is not understood and what would be
 */
export function readBenchArguments(words: readonly string[], partsOfEdge: readonly string[]): BenchArguments {
  const { values, positionals } = parsed(words);
  const known: readonly string[] = [...PARTS, ...partsOfEdge.map((part) => `edge:${part}`)];
  const unknown = positionals.find((word) => !known.includes(word));
  if (unknown !== undefined) throw invalid(`no such part: ${unknown}; there are ${known.join(', ')}`);
  const parts = positionals.length === 0 ? PARTS : PARTS.filter((part) => positionals.includes(part));
  return {
    help: values.help ?? false,
    parts,
    edgeParts: partsOfEdge.filter((part) => parts.includes('edge') || positionals.includes(`edge:${part}`)),
    channels: values.channels === undefined ? null : values.channels.split(',').map(numberOfChannels),
  };
}

function parsed(words: readonly string[]) {
  try {
    const options = { help: { type: 'boolean' }, channels: { type: 'string' } } as const;
    return parseArgs({ args: [...words], allowPositionals: true, options });
  } catch (error) {
    throw invalid(messageOf(error));
  }
}

function numberOfChannels(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 5 && number <= MOST_CHANNELS) return number;
  throw invalid(`--channels: ${text} is no number from 5 to ${MOST_CHANNELS}; several are parted by commas`);
}

function invalid(message: string): SluiceError {
  return new SluiceError(message, { code: 'INVALID_ARGUMENT', retryable: false });
}
