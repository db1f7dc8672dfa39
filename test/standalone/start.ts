import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { messageOf } from '@sluice/common/errors/error.ts';
import { readConfig } from '../cluster/config.ts';
import { createProgress } from '../cluster/progress.ts';
import { hasDesktop, openPage } from './browser.ts';
import { runStandalone } from './run.ts';
import { prepareStandalone } from './set-up.ts';

const HELP = `Sluice on this machine, without Kubernetes: two edges, a demo source and the Channels of examples/.

usage: npm start [-- FOLDER] [--api-port N]

  FOLDER         YAML files to run instead of examples/; changes are taken while it runs
  --api-port N   the objects of the run as a Kubernetes API at http://127.0.0.1:N, for kubectl and curl

environment:
  SLUICE_PORT           port of the page on 127.0.0.1, default 8080
  SLUICE_ALLOWED_CIDRS  networks that sources may be in although they are not public, besides this
                        machine's
  SLUICE_LOGS           all: every line of every program, requests too
  SLUICE_CACHE          where the encoded film is kept, default ~/.cache/sluice
  BROWSER               "none": open no page
`;

const DEFAULT_PORT = '8080';
const PORT_MAX = 65_535;
const FIRST_CHANNEL = 'demo/film';

/** The demo source lists its fourth segment after 8 s; a page that is opened before would wait, too. */
const PATIENCE_MS = 20_000;
const ASK_MS = 250;

/** Waits until the answer to a HEAD request suits. HEAD, because that makes no viewer. @returns whether it came in time */
async function answered(url: string, suits: (answer: Response) => boolean, signal: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline && !signal.aborted) {
    const answer = await fetch(url, { method: 'HEAD', signal }).catch(() => null);
    if (answer !== null && suits(answer)) return true;
    await sleep(ASK_MS, undefined, { signal }).catch(() => {});
  }
  return false;
}

interface Choices {
  /** Folder with manifests; null: examples/. */
  readonly folder: string | null;
  /** Of the Kubernetes API on 127.0.0.1; 0: none. */
  readonly apiPort: number;
}

/** @throws Error naming what is wrong: an unknown option, no port, more than one folder, a folder that is not there */
function choicesOf(words: readonly string[]): Choices {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: { 'api-port': { type: 'string' } },
  });
  const apiPort = Number(values['api-port'] ?? 0);
  if (!Number.isInteger(apiPort) || apiPort < 0 || apiPort > PORT_MAX) {
    throw new Error(`--api-port must be a number up to ${PORT_MAX}, not ${values['api-port']}`);
  }
  const [folder = null, ...more] = positionals;
  if (more.length > 0)
    throw new Error(`one folder or file, please, not ${positionals.length}: ${positionals.join(', ')}`);
  if (folder !== null && !existsSync(folder)) {
    throw new Error(`${folder} does not exist: name a YAML file, or a folder with such files`);
  }
  return { folder, apiPort };
}

async function start({ folder, apiPort }: Choices): Promise<void> {
  const { repositoryRoot } = readConfig();
  const settings = await prepareStandalone(createProgress());
  const began = performance.now();
  // In this process: one process to interrupt.
  Object.assign(process.env, settings);
  await runStandalone(folder ?? join(repositoryRoot, 'examples'), apiPort);
  // Until here a signal ends the process at once; who took it for the polls below alone would keep it from doing so.
  const stopped = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopped.abort());
  const base = `http://127.0.0.1:${process.env.SLUICE_PORT ?? DEFAULT_PORT}`;
  const channel = folder === null ? FIRST_CHANNEL : 'NAMESPACE/CHANNEL';
  const page = `${base}/watch/${channel}`;
  // A folder of one's own may hold anything: its page is there as soon as an edge answers.
  const plays = await (folder === null
    ? answered(`${base}/live/${channel}/index.m3u8`, ({ ok }) => ok, stopped.signal)
    : answered(page, () => true, stopped.signal));
  if (stopped.signal.aborted) return;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`
  watch      ${page}${plays ? `   (after ${seconds} s)` : ''}
  viewers    npm run viewers -- ${channel} 4
  stop       Ctrl-C

`);
  const { env, stdout } = process;
  if (plays && folder === null && hasDesktop({ environment: env, isTerminal: stdout.isTTY })) openPage(page, env);
}

/** Says what is wrong, and ends: nothing that was begun keeps the process. */
function refuse(error: unknown, hint: string): never {
  process.stderr.write(`${messageOf(error)}\n${hint}`);
  process.exit(1);
}

const words = process.argv.slice(2);
if (words.includes('--help')) process.stdout.write(HELP);
else {
  let choices: Choices;
  try {
    choices = choicesOf(words);
  } catch (error) {
    refuse(error, '(npm start -- --help tells how to call it)\n');
  }
  await start(choices).catch((error: unknown) => refuse(error, ''));
}
