import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { readPlatform } from '../e2e/environment.ts';
import { channelManifest, namespaceManifest } from '../e2e/manifests.ts';
import { eventually } from '../install/kubectl.ts';
import { launchChromium, openProbedPage, readSample } from './chromium.ts';

const platform = readPlatform();
const { edgeUrl, addresses, artifactFolder, source } = platform;
const NAMESPACE = 'page';
const CHANNEL = 'film';
const FILM_PAGE = `${edgeUrl}/watch/${NAMESPACE}/${CHANNEL}`;
const SOURCE = `${source.url}/page`;

let browser: Browser;

beforeAll(async () => {
  const ladder = [
    { name: '480p', height: 480, bitrateBps: 1_200_000 },
    { name: '360p', height: 360, bitrateBps: 700_000 },
  ];
  await platform.apply(namespaceManifest(NAMESPACE));
  // A page without a server hears of it by its next heartbeat.
  await apply(CHANNEL, 'film', { viewers: { heartbeatSeconds: 3 }, transcode: { ladder } });
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

/** Waits for a condition in the page, given as an expression. (Playwright's own wait evaluates inside the page, which its Content-Security-Policy forbids.) */
async function until(page: Page, expression: string, timeoutSeconds: number): Promise<void> {
  const look = async () => ((await page.evaluate<boolean>(expression)) ? true : null);
  const describePage = () => page.evaluate<string>('document.body.innerText');
  await eventually(expression, look, { timeoutSeconds }, describePage);
}

function untilPlaying(page: Page): Promise<void> {
  return until(page, 'document.querySelector("video").currentTime > 1', 30);
}

function notice(page: Page): Promise<string | null> {
  return page.locator('#notice-title').textContent();
}

describe(`the viewer page (${platform.name})`, () => {
  test('says that a channel does not exist', async () => {
    const page = await openProbedPage(browser, `${edgeUrl}/watch/${NAMESPACE}/nowhere`);
    await page.locator('#notice').waitFor({ state: 'visible' });
    expect(await notice(page)).toBe('No such channel');
    await page.screenshot({ path: join(artifactFolder, 'page-unknown-channel.png') });
    await page.close();
  });

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
    const page = await openProbedPage(browser, FILM_PAGE);
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

  test('fits a phone', async () => {
    const page = await openProbedPage(browser, FILM_PAGE);
    await page.setViewportSize({ width: 360, height: 740 });
    await untilPlaying(page);
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    const button = await page.locator('#go-live').boundingBox();
    // The least size of a target for a finger (WCAG 2.2, success criterion 2.5.8).
    expect(button?.height).toBeGreaterThanOrEqual(24);
    await page.screenshot({ path: join(artifactFolder, 'page-phone.png'), fullPage: true });
    await page.close();
  });

  test('is used by keyboard alone: quality by arrow keys, back to live by Enter', async () => {
    const page = await openProbedPage(browser, FILM_PAGE);
    await untilPlaying(page);
    const labels = await page.locator('#quality option').allTextContents();
    expect(labels.map((label) => label.split(' (')[0])).toEqual(['Automatic', '360p', '480p', 'Source 720p']);
    await page.locator('#quality').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    expect(await page.locator('#quality option:checked').textContent()).toContain('480p');
    await page.keyboard.press('Tab');
    expect(await page.evaluate<string>('document.activeElement.id')).toBe('go-live');
    await page.evaluate('document.querySelector("video").pause()');
    await page.keyboard.press('Enter');
    await until(page, '!document.querySelector("video").paused', 10);
    expect((await readSample(page)).problems).toEqual([]);
    await page.close();
  });
});
