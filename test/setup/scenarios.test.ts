import { describe, expect, test } from '@jest/globals';
import { chooseScenarios, type Suite } from './scenarios.ts';

const SUITE: Suite<null> = {
  program: 'images/some/some.integration.ts',
  about: 'Shows something.',
  scenarios: [
    ['one', 'the first thing', async () => ''],
    ['another', 'the second thing', async () => ''],
    ['one', 'more of the first thing', async () => ''],
  ],
};

/** What the scenarios show that are chosen by these words. */
function shownBy(words: readonly string[]): readonly string[] {
  const choice = chooseScenarios(SUITE, words);
  return 'scenarios' in choice ? choice.scenarios.map(([, shows]) => shows) : [];
}

describe('the command line of an integration suite', () => {
  test('chooses all scenarios without words, else those of the names in the order of the suite', () => {
    expect(shownBy([])).toEqual(['the first thing', 'the second thing', 'more of the first thing']);
    expect(shownBy(['another', 'one'])).toEqual(shownBy([]));
    expect(shownBy(['one'])).toEqual(['the first thing', 'more of the first thing']);
  });

  test('lists what each scenario shows', () => {
    const text = `Shows something.

usage: node images/some/some.integration.ts [SCENARIO...]

  one      the first thing
  another  the second thing
  one      more of the first thing
`;
    expect(chooseScenarios(SUITE, ['one', '--help'])).toEqual({ exitCode: 0, text });
  });

  test('refuses a name that it does not know, in one line', () => {
    expect(chooseScenarios(SUITE, ['one', 'two'])).toEqual({
      exitCode: 2,
      text: 'no such scenario: two (node images/some/some.integration.ts --help lists them)\n',
    });
  });
});
