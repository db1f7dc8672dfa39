import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readPlatform } from '../e2e/environment.ts';
import { openStage, type PlaybackStage } from './playback.ts';

const platform = readPlatform();
let stage: PlaybackStage;

beforeAll(async () => {
  stage = await openStage(platform, 'playback-page');
});

afterAll(async () => {
  await stage?.close();
});

test(`hls.js in the viewer page shows every frame through Direct, Proxy, Transcode and back (${platform.name})`, async () => {
  const url = `${platform.edgeUrl}/watch/${stage.channel}`;
  const page = await stage.expectEveryFrame('page', url, stage.referenceUrl('hls'));
  expect(await page.locator('#viewers').textContent()).toBe('1');
  expect(await page.locator('#mode').getAttribute('data-mode')).toBe('direct');
  expect(await page.locator('#notice').isHidden()).toBe(true);
  await page.close();
});
