import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { readPlatform } from '../e2e/environment.ts';
import { channelManifest, namespaceManifest } from '../e2e/manifests.ts';
import { launchChromium, openProbedPage, readSample } from './chromium.ts';
import { until, untilPlaying } from './viewer-page.ts';

const platform = readPlatform();
const { edgeUrl, addresses, artifactFolder, source } = platform;
const NAMESPACE = 'page-trouble';
const CHANNEL = 'film';
const SOURCE = `${source.url}/page-trouble`;

let browser: Browser;

beforeAll(async () => {
  await platform.apply(namespaceManifest(NAMESPACE));
  // A page without a server hears of it by its next heartbeat.
  await apply(CHANNEL, 'film', { viewers: { heartbeatSeconds: 3 } });
  browser = await launchChromium(addresses);
});

afterAll(async () => {
  await browser?.close();
  await platform.delete('Namespace', '', NAMESPACE);
});

/** A channel with a path of the source. */
async function apply(name: string, path: string, spec: object = {}): Promise<void> {
  await platform.apply(channelManifest({ namespace: NAMESPACE, name, uri: `${SOURCE}/${path}/index.m3u8`, spec }));
}

describe(`the viewer page in trouble (${platform.name})`, () => {
  test('says that a source is not there yet, and starts by itself when it is', async () => {
    await apply('late', 'not-yet');
    const page = await openProbedPage(browser, `${edgeUrl}/watch/${NAMESPACE}/late`);
    await until(page, 'document.querySelector("#notice-title").textContent === "The source is not there yet"', 30);
    await page.screenshot({ path: join(artifactFolder, 'page-no-source.png') });
    await apply('late', 'film');
    await untilPlaying(page);
    await page.locator('#notice').waitFor({ state: 'hidden' });
    await page.close();
    await platform.delete('Channel', NAMESPACE, 'late');
  });

  test('says that the connection is lost, and goes on when it is back', async () => {
    const page = await openProbedPage(browser, `${edgeUrl}/watch/${NAMESPACE}/${CHANNEL}`);
    await untilPlaying(page);
    await page.context().setOffline(true);
    await until(page, 'document.querySelector("#notice-title").textContent === "Connection lost"', 60);
    await page.screenshot({ path: join(artifactFolder, 'page-connection-lost.png') });
    await page.context().setOffline(false);
    const before = (await readSample(page)).currentTime;
    await until(page, `document.querySelector("video").currentTime > ${before + 3}`, 60);
    await page.locator('#notice').waitFor({ state: 'hidden' });
    await page.close();
  });

  test('plays through the edge when this viewer cannot reach the source', async () => {
    await apply('inside', 'film');
    const page = await openProbedPage(browser, `${edgeUrl}/watch/${NAMESPACE}/inside`, { unreachable: source.url });
    await untilPlaying(page);
    expect(await page.locator('#mode').getAttribute('data-mode')).toBe('proxy');
    expect(await page.locator('#reason').textContent()).toContain('could not reach');
    await page.screenshot({ path: join(artifactFolder, 'page-outside.png') });
    await page.close();
    await platform.delete('Channel', NAMESPACE, 'inside');
  });
});
