import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { waitForMode, waitForProbe } from '../e2e/channel-state.ts';
import { readPlatform } from '../e2e/environment.ts';
import { channelManifest, namespaceManifest } from '../e2e/manifests.ts';
import { startViewer, type Viewer } from '../viewer/viewer.ts';
import { launchChromium, openProbedPage, readSample, servePlayerPages } from './chromium.ts';
import { accountLine, accountOf, type PlaybackReport, type PlaybackSample, reportOf } from './playback-report.ts';

const platform = readPlatform();
const { edgeUrl, addresses, artifactFolder, source, pace } = platform;
const NAMESPACE = 'playback';
const CHANNEL = 'film';
const SOURCE = `${source.url}/playback/film/index.m3u8`;
const FRAME_RATE = 25;
/**
 * How much larger the share of frames that are decoded but not presented may be than that of the reference, which
 * plays at the same time on the same machine without any switch.
 */
const EXTRA_MISSING_SHARE = 0.01;

/** The audience beside the page, and the mode that follows. */
const STEPS = [
  { others: 0, mode: 'Direct' },
  { others: 1, mode: 'Proxy' },
  { others: 4, mode: 'Transcode' },
  { others: 1, mode: 'Proxy' },
  { others: 0, mode: 'Direct' },
] as const;

let browser: Browser;
let pages: Awaited<ReturnType<typeof servePlayerPages>>;
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

/** Takes a page through all modes and back; a screenshot in each. @returns how many frames had been presented at the end of each step */
async function watchThroughAllModes(page: Page, name: string): Promise<number[]> {
  const ends: number[] = [];
  for (const [index, step] of STEPS.entries()) {
    await setOthers(step.others);
    await waitForMode(platform, NAMESPACE, CHANNEL, step.mode, 90);
    await page.waitForTimeout(pace.watchSeconds * 1000);
    ends.push((await readSample(page)).frames.length);
    await page.screenshot({ path: join(artifactFolder, `${name}-${index}-${step.mode.toLowerCase()}.png`) });
  }
  return ends;
}

/** A line for each mode, one for the whole and one for the reference. */
function tableOf(sample: PlaybackSample, ends: readonly number[], whole: PlaybackReport, reference: PlaybackReport) {
  const parts = ends.flatMap((end, index) => {
    const [from, to] = [index === 0 ? 0 : (ends[index - 1] ?? 0) - 1, end - 1];
    const [first, last] = [sample.frames[from], sample.frames[to]];
    if (first === undefined || last === undefined) return [];
    return [accountLine(`until the end of ${STEPS[index]?.mode}`, accountOf(first, last, to - from, FRAME_RATE))];
  });
  return [...parts, accountLine('in all', whole), accountLine('reference, no switch', reference)].join('\n');
}

/** Plays a page through all modes while the same player plays the source itself in another, and judges the one by the other. */
async function expectEveryFrame(name: string, url: string, referenceUrl: string): Promise<Page> {
  const reference = await openProbedPage(browser, referenceUrl);
  const page = await openProbedPage(browser, url);
  const ends = await watchThroughAllModes(page, name);
  const sample = await readSample(page);
  const [report, plain] = [reportOf(sample, FRAME_RATE), reportOf(await readSample(reference), FRAME_RATE)];
  await reference.close();
  const table = tableOf(sample, ends, report, plain);
  process.stdout.write(`\n${name} through all modes (${platform.name})\n${table}\n`);
  await writeFile(join(artifactFolder, `${name}-frames.txt`), `${table}\n`);

  expect(report).toMatchObject({ problems: [], jumps: [], freezes: [], waiting: 0, bufferedRanges: 1 });
  expect(report.playedSeconds).toBeGreaterThan(STEPS.length * pace.watchSeconds * 0.75);
  // Every frame of the film between the first and the last picture was decoded, and is accounted for: it was presented,
  // or the browser says that it came too late for the screen.
  expect(report.decodedInAll).toBeGreaterThan(report.expected);
  expect(report.missing).toBeLessThanOrEqual(report.dropped);
  expect(report.missing / report.expected).toBeLessThanOrEqual(plain.missing / plain.expected + EXTRA_MISSING_SHARE);
  return page;
}

beforeAll(async () => {
  const ladder = [{ name: '360p', height: 360, bitrateBps: 700_000 }];
  const spec = { delivery: { hysteresisSeconds: pace.hysteresisSeconds }, transcode: { ladder } };
  await platform.apply(namespaceManifest(NAMESPACE));
  await platform.apply(channelManifest({ namespace: NAMESPACE, name: CHANNEL, uri: SOURCE, spec }));
  await waitForProbe(platform, NAMESPACE, CHANNEL);
  browser = await launchChromium(addresses);
  pages = await servePlayerPages();
});

afterAll(async () => {
  await setOthers(0);
  await browser?.close();
  pages?.close();
  await platform.delete('Namespace', '', NAMESPACE);
});

describe(`a browser plays the film through Direct, Proxy, Transcode and back (${platform.name})`, () => {
  test('hls.js in the viewer page shows every frame and no stall', async () => {
    const reference = `${pages.url}/hls.html?url=${encodeURIComponent(SOURCE)}`;
    const page = await expectEveryFrame('page', `${edgeUrl}/watch/${NAMESPACE}/${CHANNEL}`, reference);
    expect(await page.locator('#viewers').textContent()).toBe('1');
    expect(await page.locator('#mode').getAttribute('data-mode')).toBe('direct');
    expect(await page.locator('#notice').isHidden()).toBe(true);
    await page.close();
  });

  test('Shaka Player, pinned to a rung of the ladder, shows every frame and no stall', async () => {
    const stream = `${edgeUrl}/live/${NAMESPACE}/${CHANNEL}/index.m3u8?session=shaka-${Date.now()}`;
    const player = `${pages.url}/shaka.html?url=`;
    const url = `${player}${encodeURIComponent(stream)}&height=360`;
    await (await expectEveryFrame('shaka', url, `${player}${encodeURIComponent(SOURCE)}`)).close();
  });
});
