import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { waitForMode, waitForProbe } from '../e2e/channel-state.ts';
import { readPlatform } from '../e2e/environment.ts';
import { channelManifest, namespaceManifest } from '../e2e/manifests.ts';
import { startViewer, type Viewer } from '../viewer/viewer.ts';
import { launchChromium, openProbedPage, readSample, servePlayerPages } from './chromium.ts';
import { type PlaybackSample, reportOf } from './playback-report.ts';

const platform = readPlatform();
const { edgeUrl, addresses, artifactFolder, source } = platform;
const NAMESPACE = 'playback';
const CHANNEL = 'film';
const FRAME_RATE = 25;
/** Each mode is watched for this long before the audience changes. */
const WATCH_MILLISECONDS = 12_000;
/**
 * Share of the film's frames that must have been presented: a software renderer on a machine that encodes at the
 * same time skips a few, which no player can help; jumps, freezes and holes are counted apart and not tolerated.
 */
const PRESENTED_SHARE = 0.97;

let browser: Browser;
const others: Viewer[] = [];

async function setOthers(count: number): Promise<void> {
  while (others.length < count) {
    const session = `browser-${others.length}-${Date.now()}`;
    const viewer = startViewer({ edgeUrl, namespace: NAMESPACE, channel: CHANNEL, session, addresses });
    others.push(viewer);
    await viewer.started;
  }
  await Promise.all(others.splice(count).map((viewer) => viewer.stop()));
}

const modeIs = (mode: string, timeoutSeconds: number) =>
  waitForMode(platform, NAMESPACE, CHANNEL, mode, timeoutSeconds);

/** Takes a page through all modes and back; a screenshot in each. */
async function watchThroughAllModes(page: Page, name: string): Promise<PlaybackSample> {
  const steps = [
    { others: 0, mode: 'Direct' },
    { others: 1, mode: 'Proxy' },
    { others: 4, mode: 'Transcode' },
    { others: 1, mode: 'Proxy' },
    { others: 0, mode: 'Direct' },
  ];
  for (const [index, step] of steps.entries()) {
    await setOthers(step.others);
    await modeIs(step.mode, 90);
    await page.waitForTimeout(WATCH_MILLISECONDS);
    await page.screenshot({ path: join(artifactFolder, `${name}-${index}-${step.mode.toLowerCase()}.png`) });
  }
  return readSample(page);
}

function expectSmooth(sample: PlaybackSample): void {
  const report = reportOf(sample, FRAME_RATE);
  expect(report).toMatchObject({ problems: [], jumps: [], freezes: [], waiting: 0, bufferedRanges: 1 });
  expect(report.playedSeconds).toBeGreaterThan(45);
  expect(report.presentedFrames / report.expectedFrames).toBeGreaterThan(PRESENTED_SHARE);
}

beforeAll(async () => {
  const ladder = [{ name: '360p', height: 360, bitrateBps: 700_000 }];
  const spec = { delivery: { hysteresisSeconds: 4 }, transcode: { ladder } };
  const uri = `${source.url}/playback/film/index.m3u8`;
  await platform.apply(namespaceManifest(NAMESPACE));
  await platform.apply(channelManifest({ namespace: NAMESPACE, name: CHANNEL, uri, spec }));
  await waitForProbe(platform, NAMESPACE, CHANNEL);
  browser = await launchChromium(addresses);
});

afterAll(async () => {
  await setOthers(0);
  await browser?.close();
  await platform.delete('Namespace', '', NAMESPACE);
});

describe('a browser plays the film through Direct, Proxy, Transcode and back', () => {
  test('hls.js in the viewer page shows every frame and no stall', async () => {
    const page = await openProbedPage(browser, `${edgeUrl}/watch/${NAMESPACE}/${CHANNEL}`);
    const sample = await watchThroughAllModes(page, 'page');
    expect(await page.locator('#viewers').textContent()).toBe('1');
    expect(await page.locator('#mode').getAttribute('data-mode')).toBe('direct');
    expect(await page.locator('#notice').isHidden()).toBe(true);
    await page.close();
    expectSmooth(sample);
  });

  test('Shaka Player, pinned to a rung of the ladder, shows every frame and no stall', async () => {
    const pages = await servePlayerPages();
    const stream = `${edgeUrl}/live/${NAMESPACE}/${CHANNEL}/index.m3u8?session=shaka-${Date.now()}`;
    const page = await openProbedPage(browser, `${pages.url}/shaka.html?height=360&url=${encodeURIComponent(stream)}`);
    const sample = await watchThroughAllModes(page, 'shaka');
    await page.close();
    pages.close();
    expectSmooth(sample);
  });
});
