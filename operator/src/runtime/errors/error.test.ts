import { describe, expect, test } from '@jest/globals';
import { isTypedError, messageOf, RuntimeError } from './error.ts';

describe('errors', () => {
  const CASES: readonly { readonly name: string; readonly thrown: unknown; readonly typed: boolean }[] = [
    { name: "the runtime's own", thrown: new RuntimeError('gone', { code: 'Gone', retryable: false }), typed: true },
    {
      name: "a user's with the same fields",
      thrown: Object.assign(new Error('later'), { code: 'LATER', retryable: true }),
      typed: true,
    },
    {
      name: "Node's, which does not say whether to retry",
      thrown: Object.assign(new Error(), { code: 'EPIPE' }),
      typed: false,
    },
    { name: 'a fault of the program', thrown: new TypeError('x is not a function'), typed: false },
    { name: 'no error at all', thrown: { code: 'X', retryable: true }, typed: false },
  ];

  test.each(CASES)('know $name: $typed', ({ thrown, typed }) => {
    expect(isTypedError(thrown)).toBe(typed);
  });

  test('tell their cause', () => {
    const cause = new Error('ECONNREFUSED');
    expect(messageOf(new RuntimeError('cannot connect', { code: 'X', retryable: true, cause }))).toBe(
      'cannot connect: ECONNREFUSED',
    );
    expect(messageOf('plain')).toBe('plain');
  });
});
