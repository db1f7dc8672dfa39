import { describe, expect, test } from '@jest/globals';
import { lastWords } from './last-words.ts';

const STARTED = JSON.stringify({ level: 'info', msg: 'encoder chosen' });
const FAILED = JSON.stringify({
  level: 'error',
  msg: 'FFmpeg ended',
  err: { message: 'exit code 187\nNo space left' },
});
const ENDED = JSON.stringify({ level: 'info', msg: 'ended' });

describe('the last words of a container', () => {
  const cases: readonly [string, string, string][] = [
    ['nothing', '', ''],
    ['the message that it left', 'no encoder works', 'no encoder works'],
    [
      'the line that tells of trouble',
      [STARTED, FAILED, ENDED].join('\n'),
      'FFmpeg ended: exit code 187 No space left',
    ],
    ['the last line of a log without trouble', [STARTED, ENDED, ''].join('\n'), 'ended'],
    ['a plain line after the log', `${STARTED}\nTypeError: x is not a function\n`, 'TypeError: x is not a function'],
    ['no line that was cut off', `or","msg":"half a line"}\n${ENDED}\n{"level":"err`, 'ended'],
    ['no JSON that is no log line', '{"a":1}\n{}\nnull', 'null'],
    ['a bounded piece of a long one', 'a'.repeat(5000), `${'a'.repeat(299)}…`],
  ];
  test.each(cases)('are %s', (_name, message, expected) => {
    expect(lastWords(message)).toBe(expected);
  });
});
