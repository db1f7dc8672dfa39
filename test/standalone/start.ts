import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { messageOf } from '@sluice/common/errors/error.ts';
import { readConfig } from '../cluster/config.ts';
import { createProgress } from '../cluster/progress.ts';
import { hasDesktop, openPage } from './browser.ts';
import { prepareStandalone } from './set-up.ts';

const HELP = `Sluice on this machine, without Kubernetes: two edges, a demo source and the Channels of examples/.

usage: npm start [-- FOLDER] [--api-port N]

  FOLDER         YAML files to run instead of examples/; changes are taken while it runs
  --api-port N   the Kubernetes API of the run at http://127.0.0.1:N, for kubectl and curl

environment:
  SLUICE_PORT           port of the page on 127.0.0.1, default 8080
  SLUICE_ALLOWED_CIDRS  networks that sources may be in although they are not public, besides this
                        machine's
  SLUICE_LOGS           all: every line of every program, requests too
  SLUICE_CACHE          where the encoded film is kept, default ~/.cache/sluice
  BROWSER               "none": open no page
`;

const DEFAULT_PORT = '8080';
const FIRST_CHANNEL = 'demo/film';

/** The demo source lists its fourth segment after 8 s; a page that is opened before would wait, too. */
const PATIENCE_MS = 20_000;
const ASK_MS = 250;

/** Waits until the first channel has a playlist. HEAD, because that makes no viewer. */
async function playable(url: string): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    const answer = await fetch(url, { method: 'HEAD' }).catch(() => null);
    if (answer?.ok === true) return true;
    await sleep(ASK_MS);
  }
  return false;
}

interface Choices {
  /** Folder with manifests; null: examples/. */
  readonly folder: string | null;
  /** Options that are the operator's own. */
  readonly options: readonly string[];
}

/** @throws TypeError naming an unknown option */
function choicesOf(words: readonly string[]): Choices {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: { 'api-port': { type: 'string' } },
  });
  const port = values['api-port'];
  return { folder: positionals[0] ?? null, options: port === undefined ? [] : ['--api-port', port] };
}

async function start({ folder, options }: Choices): Promise<void> {
  const { repositoryRoot } = readConfig();
  const settings = await prepareStandalone(createProgress());
  const began = performance.now();
  // The operator's own main, in this process: one process to interrupt, and no second copy of its code.
  Object.assign(process.env, settings);
  process.argv.splice(2, process.argv.length, '--standalone', folder ?? join(repositoryRoot, 'examples'), ...options);
  await import('@sluice/operator/main.ts');
  const base = `http://127.0.0.1:${process.env.SLUICE_PORT ?? DEFAULT_PORT}`;
  const channel = folder === null ? FIRST_CHANNEL : 'NAMESPACE/CHANNEL';
  const page = `${base}/watch/${channel}`;
  const plays = folder === null && (await playable(`${base}/live/${channel}/index.m3u8`));
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`
  watch      ${page}${plays ? `   (after ${seconds} s)` : ''}
  viewers    npm run viewers -- ${channel} 4
  stop       Ctrl-C

`);
  if (plays && hasDesktop({ environment: process.env, isTerminal: process.stdout.isTTY })) openPage(page);
}

const words = process.argv.slice(2);
if (words.includes('--help')) process.stdout.write(HELP);
else {
  try {
    await start(choicesOf(words));
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  }
}
