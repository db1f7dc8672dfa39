import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { PlaybackSample } from './playback-report.ts';

/**
 * Starts the system's Chromium without a window and without its own traffic to the outside.
 * @param addresses host names that only the cluster resolves, with addresses that this machine reaches
 */
export function launchChromium(addresses: Readonly<Record<string, string>>): Promise<Browser> {
  const rules = Object.entries(addresses).map(([name, address]) => `MAP ${name} ${address}`);
  return chromium.launch({
    executablePath: process.env.SLUICE_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-background-timer-throttling',
      '--disable-renderer-backgrounding',
      '--autoplay-policy=no-user-gesture-required',
      '--mute-audio',
      ...(rules.length === 0 ? [] : [`--host-resolver-rules=${rules.join(',')}`]),
    ],
  });
}

/** What a page may differ in. */
export interface PageOptions {
  /** Base URL that this page cannot reach: nothing below it is ever answered. */
  readonly unreachable?: string;
  /** Pixels to draw, which without a GPU cost more than the film's decoding; 1280 x 900 if left out. */
  readonly viewport?: { readonly width: number; readonly height: number };
}

/** Opens a page that records its playback from the first moment on. */
export async function openProbedPage(browser: Browser, url: string, options: PageOptions = {}): Promise<Page> {
  const { unreachable, viewport = { width: 1280, height: 900 } } = options;
  const page = await browser.newPage({ viewport });
  if (unreachable !== undefined) await page.route(`${unreachable}/**`, (route) => route.abort('addressunreachable'));
  await page.addInitScript({ path: fileURLToPath(new URL('./page/probe.js', import.meta.url)) });
  await page.goto(url);
  return page;
}

/** What the page's video element has shown so far. */
export function readSample(page: Page): Promise<PlaybackSample> {
  return page.evaluate<PlaybackSample>('window.playbackProbe.read()');
}

const require = createRequire(import.meta.url);

/** Files of the pages that play by a player alone, by their path. */
const PLAYER_FILES: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '/hls.html': { file: fileURLToPath(new URL('./page/hls.html', import.meta.url)), type: 'text/html' },
  '/shaka.html': { file: fileURLToPath(new URL('./page/shaka.html', import.meta.url)), type: 'text/html' },
  '/hls.js': { file: require.resolve('hls.js/dist/hls.min.js'), type: 'text/javascript' },
  '/shaka-player.js': { file: require.resolve('shaka-player/dist/shaka-player.compiled.js'), type: 'text/javascript' },
};

/** A web server with pages that play by a player alone. */
export interface PlayerPages {
  /** Base URL without a slash at the end. */
  readonly url: string;
  close(): void;
}

/** A web server on loopback with `/hls.html` and `/shaka.html`. */
export async function servePlayerPages(): Promise<PlayerPages> {
  const server = createServer((request, response) => {
    const found = PLAYER_FILES[new URL(request.url ?? '/', 'http://localhost').pathname];
    if (found === undefined) response.writeHead(404).end();
    else {
      response.writeHead(200, { 'content-type': found.type });
      createReadStream(found.file).pipe(response);
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}
