/** A part of an integration suite: its name on the command line, what it shows, and a run that resolves with facts in words. */
export type Scenario<Context> = readonly [name: string, shows: string, run: (context: Context) => Promise<string>];

/** How a suite is called, and what for. */
export interface Suite<Context> {
  /** File of its program, as it is called. */
  readonly program: string;
  /** In a line or two: what it shows, and what that takes. */
  readonly about: string;
  readonly scenarios: readonly Scenario<Context>[];
}

/** What a command line asks for: scenarios, or words to print before an end with this exit code. */
export type Choice<Context> =
  | { readonly scenarios: readonly Scenario<Context>[] }
  | { readonly exitCode: 0 | 2; readonly text: string };

function helpOf<Context>({ program, about, scenarios }: Suite<Context>): string {
  const width = 2 + Math.max(...scenarios.map(([name]) => name.length));
  const lines = scenarios.map(([name, shows]) => `  ${name.padEnd(width)}${shows}\n`);
  return `${about}\n\nusage: node ${program} [SCENARIO...]\n\n${lines.join('')}`;
}

/** Scenarios of a suite by the words of its command line: all without words; a name that is not known ends with code 2. */
export function chooseScenarios<Context>(suite: Suite<Context>, words: readonly string[]): Choice<Context> {
  if (words.includes('--help')) return { exitCode: 0, text: helpOf(suite) };
  const unknown = words.find((word) => !suite.scenarios.some(([name]) => name === word));
  if (unknown !== undefined) {
    return { exitCode: 2, text: `no such scenario: ${unknown} (node ${suite.program} --help lists them)\n` };
  }
  return { scenarios: suite.scenarios.filter(([name]) => words.length === 0 || words.includes(name)) };
}

/**
 * Runs what the command line asks for, one scenario after the other, each with its time; the first that fails ends it.
 * @param within gives scenarios what they share, and removes it when they have run
 */
export async function runSuite<Context>(
  suite: Suite<Context>,
  within: (run: (context: Context) => Promise<void>) => Promise<void>,
): Promise<void> {
  const choice = chooseScenarios(suite, process.argv.slice(2));
  if ('text' in choice) {
    (choice.exitCode === 0 ? process.stdout : process.stderr).write(choice.text);
    process.exitCode = choice.exitCode;
    return;
  }
  await within(async (context) => {
    for (const [, shows, run] of choice.scenarios) {
      const startedAt = performance.now();
      const facts = await run(context);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      process.stdout.write(`ok  ${shows} (${seconds} s)${facts && `: ${facts}`}\n`);
    }
  });
}
