import { describe, expect, test } from '@jest/globals';
import { MAX_UNDER_WAY, TellTurns } from './tell-turns.ts';

/** An answer. */
const YES = 'yes';

/** Questions of which a test answers one after the other. */
function stage() {
  const turns = new TellTurns();
  const begun: PromiseWithResolvers<string>[] = [];
  const ends: string[] = [];
  const ask = (count: number, key = 'a'): void => {
    for (let index = 0; index < count; index += 1) {
      const asked = turns.run(key, () => {
        const question = Promise.withResolvers<string>();
        begun.push(question);
        return question.promise;
      });
      asked.then(
        (answer) => ends.push(answer),
        (error: unknown) => ends.push(String(error)),
      );
    }
  };
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { begun, ends, ask, settle };
}

describe('questions to other edges', () => {
  test('begin in turns, so that their time passes while they are asked alone', async () => {
    const { begun, ends, ask, settle } = stage();
    ask(3 * MAX_UNDER_WAY);
    ask(1, 'b');
    await settle();
    expect(begun).toHaveLength(MAX_UNDER_WAY + 1);
    for (let index = 0; index < 3 * MAX_UNDER_WAY + 1; index += 1) {
      begun[index]?.resolve(YES);
      await settle();
    }
    expect(ends).toEqual(Array.from({ length: 3 * MAX_UNDER_WAY + 1 }, () => YES));
  });

  test('to an edge that answers none fail together, and later ones are asked', async () => {
    const { begun, ends, ask, settle } = stage();
    ask(3 * MAX_UNDER_WAY);
    await settle();
    begun[0]?.reject(new Error('gone'));
    await settle();
    expect(ends).toEqual(Array.from({ length: 2 * MAX_UNDER_WAY + 1 }, () => 'Error: gone'));
    for (const question of begun) question.reject(new Error('gone'));
    await settle();
    expect(ends).toHaveLength(3 * MAX_UNDER_WAY);
    ask(1);
    begun.at(-1)?.resolve(YES);
    await settle();
    expect(ends.at(-1)).toBe(YES);
  });

  test('to an edge that answers others wait for their turn, whatever one of them fails by', async () => {
    const { begun, ends, ask, settle } = stage();
    ask(MAX_UNDER_WAY + 2);
    await settle();
    begun[0]?.resolve(YES);
    await settle();
    begun[1]?.reject(new Error('no such channel'));
    await settle();
    expect(ends).toEqual([YES, 'Error: no such channel']);
    expect(begun).toHaveLength(MAX_UNDER_WAY + 2);
  });
});
