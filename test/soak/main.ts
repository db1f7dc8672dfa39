import { messageOf } from '@sluice/common/errors/error.ts';
import { readConfig } from '../cluster/config.ts';
import { createProgress } from '../cluster/progress.ts';
import { HELP, readSoakArguments, type SoakArguments } from './arguments.ts';
import { transcodeThreshold } from './audience.ts';
import { Soak } from './soak.ts';
import { startStage } from './stage.ts';
import { doubts, faults, figures } from './verdict.ts';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Exit codes by the words of verdicts. */
const CODES = { PASS: 0, FAIL: 1, UNDECIDED: 2 } as const;

/** @returns its exit code */
async function soak(options: SoakArguments): Promise<number> {
  const { minutes, viewers, killSeconds } = options;
  const progress = createProgress();
  const { repositoryRoot } = readConfig();
  const stage = await startStage(repositoryRoot, transcodeThreshold(viewers), progress);
  const interrupt = (): void => void stage.stop().finally(() => process.exit(1));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  try {
    const outcome = await new Soak(stage, options, print).run();
    for (const line of figures(outcome)) print(`  ${line}`);
    // The first after 45 s, none in the last 30 s, and one may find two owners at once.
    const kills = killSeconds === 0 ? 0 : Math.max(1, Math.floor((minutes * 60 - 75) / killSeconds) - 1);
    const wrong = faults(outcome, { kills, switches: minutes - 1 });
    const unclear = doubts(outcome);
    for (const line of [...wrong, ...unclear]) print(`  ${line}`);
    const verdict = wrong.length > 0 ? 'FAIL' : unclear.length > 0 ? 'UNDECIDED' : 'PASS';
    print(`${verdict}: ${viewers} viewers for ${minutes} minutes, ${outcome.kills.length} owners killed`);
    return CODES[verdict];
  } finally {
    await stage.stop();
  }
}

try {
  const options = readSoakArguments(process.argv.slice(2));
  if (options.help) process.stdout.write(HELP);
  else process.exitCode = await soak(options);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n(npm run soak -- --help tells how to call it)\n`);
  process.exitCode = 1;
}
