import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { durationText } from './cluster/progress.ts';

const HELP = `Runs every suite, the fast ones first.

usage: npm test [-- PHASE...]

`;

/** A part of the whole test run: a command of its own. */
interface Phase {
  readonly name: string;
  readonly shows: string;
  readonly command: readonly string[];
}

const node = [process.execPath, '--no-warnings'];
const jest = ['sh', 'test/setup/run.sh', '--jest'];

const PHASES: readonly Phase[] = [
  { name: 'check', shows: 'types, lint, format, generated files', command: [...node, 'test/check.ts'] },
  { name: 'unit', shows: 'unit and property tests', command: jest },
  {
    name: 'scenarios',
    shows: 'several edges, and an operator among faults, on a clock of the tests',
    command: [...jest, '-c', 'jest.scenarios.config.mjs'],
  },
  { name: 'programs', shows: 'FFmpeg, nginx, Chromium and VLC are here', command: [...node, 'test/setup/programs.ts'] },
  {
    name: 'transcoder',
    shows: 'the agent with a real FFmpeg',
    command: [...node, 'images/transcoder/agent.integration.ts'],
  },
  {
    name: 'edge',
    shows: 'edges with a real nginx',
    command: [...node, 'images/edge/edge.integration.ts'],
  },
  {
    name: 'standalone',
    shows: 'the scenarios without Kubernetes, pods as processes of this machine',
    command: [...node, 'test/e2e/run-standalone.ts'],
  },
  { name: 'cluster', shows: 'a real Kubernetes comes up', command: [...node, 'test/cluster/main.ts', 'up'] },
  {
    name: 'verify',
    shows: 'the cluster is one: DNS, Services, shutdown order, limits, admission',
    command: [...node, 'test/cluster/main.ts', 'verify'],
  },
  { name: 'e2e', shows: 'everything on the real Kubernetes, browsers included', command: [...node, 'test/e2e/run.ts'] },
];

function runPhase(phase: Phase, root: string): Promise<boolean> {
  const [program = '', ...args] = phase.command;
  const child = spawn(program, args, { cwd: root, stdio: 'inherit' });
  return new Promise((resolve) => {
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
  });
}

/** Runs the phases in order and prints a table of their times; a phase that failed ends the run. @returns exit code */
async function runAll(names: readonly string[]): Promise<number> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const chosen = names.length === 0 ? PHASES : PHASES.filter((phase) => names.includes(phase.name));
  const results: string[] = [];
  let passed = 0;
  for (const phase of chosen) {
    process.stdout.write(`\n== ${phase.name}: ${phase.shows}\n`);
    const started = performance.now();
    const good = await runPhase(phase, root);
    results.push(`${good ? 'passed' : 'FAILED'}  ${phase.name}  ${durationText((performance.now() - started) / 1000)}`);
    if (!good) break;
    passed += 1;
  }
  process.stdout.write(`\n${results.join('\n')}\nphases: ${passed} passed, ${results.length - passed} failed\n`);
  return passed === chosen.length ? 0 : 1;
}

const words = process.argv.slice(2);
const unknown = words.find((word) => word !== '--help' && !PHASES.some((phase) => phase.name === word));
if (words.includes('--help') || unknown !== undefined) {
  if (unknown !== undefined) process.stderr.write(`no such phase: ${unknown}\n\n`);
  process.stdout.write(HELP + PHASES.map((phase) => `  ${phase.name.padEnd(12)}${phase.shows}\n`).join(''));
  process.exitCode = unknown === undefined ? 0 : 2;
} else process.exitCode = await runAll(words);
