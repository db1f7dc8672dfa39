import { afterAll, beforeAll, test } from '@jest/globals';
import { readPlatform } from '../e2e/environment.ts';
import { openStage, type PlaybackStage } from './playback.ts';

const platform = readPlatform();
let stage: PlaybackStage;

beforeAll(async () => {
  stage = await openStage(platform, 'playback-shaka');
});

afterAll(async () => {
  await stage?.close();
});

test(`Shaka Player on a rung of the ladder shows every frame through all modes and back (${platform.name})`, async () => {
  const stream = `${platform.edgeUrl}/live/${stage.channel}/index.m3u8?session=shaka-${Date.now()}`;
  const page = await stage.expectEveryFrame('shaka', stage.shakaUrl(stream, 360), stage.referenceUrl('shaka'));
  await page.close();
});
