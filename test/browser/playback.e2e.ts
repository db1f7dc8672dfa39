import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readPlatform } from '../e2e/environment.ts';
import { leastSeconds, type PlaybackStage, playThroughAllModes } from './playback.ts';

const platform = readPlatform();
let stage: PlaybackStage;

beforeAll(async () => {
  stage = await playThroughAllModes(platform, 'playback');
});

afterAll(async () => {
  await stage?.close();
});

describe(`every frame is shown through Direct, Proxy, Transcode and back (${platform.name})`, () => {
  test.each([
    { name: 'page', what: 'hls.js in the viewer page' },
    { name: 'shaka', what: 'Shaka Player on a rung of the ladder' },
  ] as const)('by $what', ({ name }) => {
    const { report, faults } = stage.playbacks[name];
    expect(faults).toEqual([]);
    expect(report.playedSeconds).toBeGreaterThan(leastSeconds(platform));
  });

  test('and the viewer page says who watches, and how', async () => {
    const { page } = stage.playbacks.page;
    expect(await page.locator('#viewers').textContent()).toBe('2');
    expect(await page.locator('#mode').getAttribute('data-mode')).toBe('direct');
    expect(await page.locator('#notice').isHidden()).toBe(true);
  });
});
