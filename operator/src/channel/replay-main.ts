import { readFileSync } from 'node:fs';
import { messageOf } from '@sluice/common/errors/error.ts';
import { parseTrace, type ReplayedDecision, replay } from './replay.ts';

const HELP = `Prints what the operator would have decided for a recorded audience.

  npm run replay -- TRACE.jsonl     ("-" reads standard input; examples/trace.jsonl is a trace to begin with)

A trace has one JSON object per line:
  {"spec": {"hysteresisSeconds": 30}}                optional, first: minimumMode, maximumMode, proxyThreshold,
                                                     transcodeThreshold, hysteresisSeconds
  {"time": 0, "viewers": 1}                          time: seconds or RFC 3339, never going back
  {"time": 12.5, "viewers": 6, "trusted": 5}         trusted: viewers that may start a transcode (default: all)
  {"time": 30, "state": "stale"}                     state: known, stale or unknown; stays until changed
`;

/** One line per decision that changed something; `*` marks a change of the mode. */
function lineOf({ timeMs, viewers, decision }: ReplayedDecision, startMs: number, changed: boolean): string {
  const seconds = `${((timeMs - startMs) / 1000).toFixed(1)} s`.padStart(10);
  return `${seconds}  ${String(viewers).padStart(6)}  ${changed ? '*' : ' '} ${decision.mode.padEnd(9)}  ${decision.reason.message}`;
}

function main(): void {
  const [file] = process.argv.slice(2);
  if (file === undefined || file === '--help' || file === '-h') {
    process.stdout.write(HELP);
    process.exitCode = file === undefined ? 2 : 0;
    return;
  }
  const decisions = replay(parseTrace(readFileSync(file === '-' ? 0 : file, 'utf8')));
  const startMs = decisions[0]?.timeMs ?? 0;
  process.stdout.write('      time  viewers   mode       reason\n');
  let last: ReplayedDecision | undefined;
  for (const entry of decisions) {
    const changed = last !== undefined && last.decision.mode !== entry.decision.mode;
    const told = last?.decision.reason.message === entry.decision.reason.message;
    if (changed || !told) process.stdout.write(`${lineOf(entry, startMs, changed)}\n`);
    last = entry;
  }
}

try {
  main();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
