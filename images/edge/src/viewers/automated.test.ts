import { describe, expect, test } from '@jest/globals';
import { isAutomated } from './automated.ts';

describe('isAutomated', () => {
  test.each([
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)',
    'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)',
    'Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)',
    'TelegramBot (like TwitterBot)',
    'facebookexternalhit/1.1',
    'WhatsApp/2.23.20.0',
    'kube-probe/1.35',
    'Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)',
  ])('takes "%s" for a program', (agent) => {
    expect(isAutomated({ 'user-agent': agent })).toBe(true);
  });

  test.each([
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
    'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0.0.0 Safari/537.36',
    'Mozilla/5.0 (Linux; Android 12; CUBOT KING KONG 9) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36',
    'AppleCoreMedia/1.0.0.21A329 (iPhone; U; CPU OS 17_0 like Mac OS X; en_us)',
    'VLC/3.0.20 LibVLC/3.0.20',
    'Lavf/61.7.100',
    '',
  ])('takes "%s" for a player', (agent) => {
    expect(isAutomated({ 'user-agent': agent })).toBe(false);
  });

  test('heeds what browsers say of pages that they fetch before anybody wants them', () => {
    expect(isAutomated({ 'sec-purpose': 'prefetch;prerender' })).toBe(true);
    expect(isAutomated({ purpose: 'prefetch' })).toBe(true);
    expect(isAutomated({})).toBe(false);
  });
});
