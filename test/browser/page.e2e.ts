import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { readPlatform } from '../e2e/environment.ts';
import { channelManifest, namespaceManifest } from '../e2e/manifests.ts';
import { launchChromium, openProbedPage, readSample } from './chromium.ts';
import { until, untilPlaying } from './viewer-page.ts';

const platform = readPlatform();
const { edgeUrl, addresses, artifactFolder, source } = platform;
const NAMESPACE = 'page';
const CHANNEL = 'film';
const FILM_PAGE = `${edgeUrl}/watch/${NAMESPACE}/${CHANNEL}`;

let browser: Browser;

beforeAll(async () => {
  const ladder = [
    { name: '480p', height: 480, bitrateBps: 1_200_000 },
    { name: '360p', height: 360, bitrateBps: 700_000 },
  ];
  await platform.apply(namespaceManifest(NAMESPACE));
  const uri = `${source.url}/page/film/index.m3u8`;
  await platform.apply(channelManifest({ namespace: NAMESPACE, name: CHANNEL, uri, spec: { transcode: { ladder } } }));
  browser = await launchChromium(addresses);
});

afterAll(async () => {
  await browser?.close();
  await platform.delete('Namespace', '', NAMESPACE);
});

describe(`the viewer page (${platform.name})`, () => {
  test('says that a channel does not exist', async () => {
    const page = await openProbedPage(browser, `${edgeUrl}/watch/${NAMESPACE}/nowhere`);
    await page.locator('#notice').waitFor({ state: 'visible' });
    expect(await page.locator('#notice-title').textContent()).toBe('No such channel');
    await page.screenshot({ path: join(artifactFolder, 'page-unknown-channel.png') });
    await page.close();
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
    expect(labels.map((label) => label.split(' (')[0])).toEqual([
      'Automatic',
      '360p',
      '480p',
      `Source ${platform.filmHeight}p`,
    ]);
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
