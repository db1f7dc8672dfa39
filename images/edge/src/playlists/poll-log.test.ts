import { appendFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type AnsweredPoll, PollLog, parsePoll } from './poll-log.ts';

describe('a line of the log of polls', () => {
  test('says when who has got which playlist', () => {
    expect(parsePoll('1763754321.123 /live/tv/news/360p.m3u8 s2.ab-_~.c')).toEqual({
      atMs: 1_763_754_321_123,
      key: 'tv/news',
      rung: '360p',
      session: 's2.ab-_~.c',
    });
  });

  test.each([
    '',
    'm3u8 anna',
    '1763754321.123 /live/tv/news/360p.m3u8 ',
    '1763754321.123 /live/tv/news/360p.m3u8 an na',
    '1763754321.123 /live/tv/360p.m3u8 anna',
    '1763754321 /live/tv/news/360p.m3u8 anna',
  ])('is none: %j', (line) => {
    expect(parsePoll(line)).toBeNull();
  });

  test('is read or not, whatever it holds', () => {
    fc.assert(fc.property(fc.string(), (line) => parsePoll(line) === null || line.includes('/live/')));
  });
});

describe('the log of polls', () => {
  let run: string;
  let path: string;
  let log: PollLog;
  const line = (session: string): string => `1763754321.123 /live/tv/news/source.m3u8 ${session}\n`;

  beforeEach(async () => {
    run = await mkdtemp(join(tmpdir(), 'sluice-polls-'));
    path = join(run, 'polls.log');
    log = new PollLog(run);
  });
  afterEach(async () => {
    await log.close();
    await rm(run, { recursive: true });
  });

  async function read(): Promise<string[]> {
    const all: AnsweredPoll[] = [];
    await log.read((polls) => all.push(...polls));
    return all.map(({ session }) => session);
  }

  test('is read as it grows, in whole lines', async () => {
    await log.open();
    expect(await read()).toEqual([]);
    await appendFile(path, line('anna') + line('bert').slice(0, 20));
    expect(await read()).toEqual(['anna']);
    await appendFile(path, line('bert').slice(20));
    expect(await read()).toEqual(['bert']);
    expect(await read()).toEqual([]);
  });

  test('begins empty', async () => {
    await writeFile(path, line('anna'));
    await log.open();
    expect(await read()).toEqual([]);
    expect((await stat(path)).size).toBe(0);
  });

  test('stays small: what was read is dropped, and what comes later is read', async () => {
    await log.open();
    const many = Array.from({ length: 25_000 }, (_, index) => `viewer-${index}`);
    await appendFile(path, many.map(line).join(''));
    expect(await read()).toEqual(many);
    expect((await stat(path)).size).toBe(0);
    await appendFile(path, line('anna'));
    expect(await read()).toEqual(['anna']);
  });

  test('keeps nobody when it has stood still for ten looks, and what comes later is read', async () => {
    await log.open();
    await appendFile(path, line('anna'));
    for (let look = 0; look < 10; look += 1) await read();
    expect((await stat(path)).size).toBeGreaterThan(0);
    await read();
    expect((await stat(path)).size).toBe(0);
    await appendFile(path, line('bert'));
    expect(await read()).toEqual(['bert']);
  });
});
