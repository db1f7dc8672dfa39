import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@sluice/common/errors/error.ts';
import { readConfig } from '../cluster/config.ts';
import { createProgress } from '../cluster/progress.ts';
import { hasDesktop, openPage } from './browser.ts';
import { setUpStandalone } from './set-up.ts';

const HELP = `Sluice on this machine, without Kubernetes: two edges, a demo source and the Channels of examples/.

usage: npm start [-- FOLDER]

  FOLDER   YAML files to run instead of examples/; changes are taken while it runs

environment:
  SLUICE_PORT           port of the page on 127.0.0.1, default 8080
  SLUICE_LOGS           "all": requests, too; default: what the programs say
  SLUICE_ALLOWED_CIDRS  networks that sources may be in although they are not public, besides this machine
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

async function start(words: readonly string[]): Promise<void> {
  const config = readConfig();
  const settings = await setUpStandalone(config, createProgress());
  const began = performance.now();
  Object.assign(process.env, settings);
  process.argv.splice(2, process.argv.length, '--standalone', words[0] ?? join(config.repositoryRoot, 'examples'));
  await import('@sluice/operator/main.ts');
  const base = `http://127.0.0.1:${process.env.SLUICE_PORT ?? DEFAULT_PORT}`;
  const page = `${base}/watch/${FIRST_CHANNEL}`;
  const shown = words.length === 0 && (await playable(`${base}/live/${FIRST_CHANNEL}/index.m3u8`));
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`
  watch      ${words.length === 0 ? page : `${base}/watch/NAMESPACE/CHANNEL`}${shown ? `   (after ${seconds} s)` : ''}
  viewers    npm run viewers -- ${FIRST_CHANNEL} 4
  stop       Ctrl-C

`);
  if (shown && hasDesktop({ environment: process.env, isTerminal: process.stdout.isTTY })) openPage(page);
}

const words = process.argv.slice(2);
if (words.includes('--help')) process.stdout.write(HELP);
else {
  await start(words).catch((error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  });
}
