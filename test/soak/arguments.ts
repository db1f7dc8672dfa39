import { parseArgs } from 'node:util';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';

/** What `npm run soak -- --help` prints. */
export const HELP = `Three edges for a long time: viewers who come, go and crash, a channel that changes its mode with them, and every minute
the edge that owns the channel is killed. Operator, edges, transcodes and source are the real programs, as processes of
this machine (docs/standalone.md).

usage: npm run soak [-- OPTION...]

  --minutes N       how long, 2 to 1440, default 10; about one more to start and to end
  --viewers N       viewers of the channel, 20 to 5000, default 2000
  --kill-seconds N  an owner is killed so often, default 60; 0: never

Prints a line every 10 s, what each killed owner cost, memory and descriptors of each process, and at the end PASS, or FAIL
with every reason: a picture that stood still, an answer that was an error, a playlist against the rules of RFC 8216bis,
two edges at one source, a segment more than 2 s late after a killed owner, memory or descriptors that grew; memory is what
programs hold behind a garbage collection, which they do every ten seconds here. UNDECIDED: nothing but what this process, or
the source, was late with itself, on a machine that had no time for them. Exit code 0, 1 or 2.
`;

/** What a soak is asked for. */
export interface SoakArguments {
  readonly help: boolean;
  readonly minutes: number;
  readonly viewers: number;
  /** Seconds between two killed owners; 0: none is killed. */
  readonly killSeconds: number;
}

/** @throws SluiceError INVALID_ARGUMENT naming the option and what it may be */
export function readSoakArguments(words: readonly string[]): SoakArguments {
  const values = parsed(words);
  return {
    help: values.help ?? false,
    minutes: numberOf('--minutes', values.minutes ?? '10', 2, 1440),
    viewers: numberOf('--viewers', values.viewers ?? '2000', 20, 5000),
    killSeconds:
      values['kill-seconds'] === '0' ? 0 : numberOf('--kill-seconds', values['kill-seconds'] ?? '60', 30, 3600),
  };
}

function parsed(words: readonly string[]) {
  try {
    const text = { type: 'string' } as const;
    const options = { help: { type: 'boolean' }, minutes: text, viewers: text, 'kill-seconds': text } as const;
    return parseArgs({ args: [...words], options }).values;
  } catch (error) {
    throw invalid(messageOf(error));
  }
}

function numberOf(option: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw invalid(`${option}: ${text} is no whole number from ${least} to ${most}`);
}

function invalid(message: string): SluiceError {
  return new SluiceError(message, { code: 'INVALID_ARGUMENT', retryable: false });
}
