import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Poll } from '@sluice/test/viewer/invariants.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { request } from 'undici';
import { endingWithParent } from './ending-with-parent.ts';

const run = promisify(execFile);

/** Seconds between two polls as they may be on a busy machine: judged is what playlists say, not when they are asked for. */
export const ANY_RHYTHM = Number.POSITIVE_INFINITY;

/** Body of an answer with status 200; fails on any other. */
export async function text(url: string): Promise<string> {
  const answer = await request(url);
  const body = await answer.body.text();
  assert.equal(answer.statusCode, 200, `${url}: ${body}`);
  return body;
}

/**
 * What FFmpeg says of every live playlist with an EXT-X-MAP, its own ones too: it reads the section again after each
 * reload, and skips it.
 */
export const SECTION_AGAIN =
  /^\[mov,.*\] Found duplicated MOOV Atom\. Skipped it\n(?: +Last message repeated \d+ times\n)?/gm;

/** FFmpeg's reader of HLS has no subtitles, and says so. */
const NO_SUBTITLES = /^\[hls @ .*\] Can't support the subtitle\(uri: source-subtitles-\d+\.m3u8.*\)\n/gm;

/**
 * Plays a playlist as a live player for some seconds. @returns frames that were decoded; fails on any warning
 * @param streams what is played, as FFmpeg's -map
 */
export async function decode(url: string, seconds: number, streams: readonly string[] = []): Promise<number> {
  const maps = streams.flatMap((stream) => ['-map', stream]);
  const output = ['-t', String(seconds), '-f', 'null', '-progress', '-', '-'];
  // A connection for each file: where entries change to another host, FFmpeg warns that it cannot keep the one it has.
  const words = ['-v', 'warning', '-nostdin', '-http_persistent', '0', '-i', url, ...maps, ...output];
  const { stdout, stderr } = await run('ffmpeg', words, { timeout: 60_000 });
  assert.equal(stderr.replace(SECTION_AGAIN, '').replace(NO_SUBTITLES, ''), '', 'FFmpeg warns of nothing');
  return Number([...stdout.matchAll(/^frame=(\d+)/gm)].at(-1)?.[1] ?? 0);
}

/** One picture that FFmpeg has decoded. */
export interface DecodedPicture {
  /** Ticks of 90 kHz. */
  readonly pts: number;
  /** Luma and chroma, 4:2:0: one and a half bytes for each pixel. */
  readonly bytes: number;
}

/**
 * Plays a media playlist as a live player until something is over. Fails on any warning.
 * @returns all pictures, in the order shown
 */
export async function decodeUntil(url: string, isOver: Promise<unknown>): Promise<readonly DecodedPicture[]> {
  const input = ['-v', 'warning', '-http_persistent', '0', '-i', url, '-map', '0:v:0'];
  const output = ['-autoscale', '0', '-fps_mode', 'passthrough', '-enc_time_base', '1:90000', '-f', 'framecrc', '-'];
  const [command, ...words] = endingWithParent(['ffmpeg', ...input, ...output]);
  const player = spawn(command, words);
  const ended = once(player, 'close');
  let [rows, warnings] = ['', ''];
  player.stdout.setEncoding('utf8').on('data', (part: string) => {
    rows += part;
  });
  player.stderr.setEncoding('utf8').on('data', (part: string) => {
    warnings += part;
  });
  try {
    await Promise.race([isOver, ended]);
  } finally {
    // Its key for the end.
    player.stdin.on('error', () => undefined).end('q');
    await ended;
  }
  assert.equal(warnings.replace(SECTION_AGAIN, ''), '', 'FFmpeg warns of nothing');
  return [...rows.matchAll(/^0, *-?\d+, *(-?\d+), *\d+, *(\d+),/gm)].map(([, pts, bytes]) => {
    return { pts: Number(pts), bytes: Number(bytes) };
  });
}

/** What a media playlist says, once a second. */
export async function poll(url: string, seconds: number): Promise<Poll[]> {
  const polls: Poll[] = [];
  const deadline = performance.now() + seconds * 1000;
  while (performance.now() < deadline) {
    polls.push({ playlist: parseMediaPlaylist(await text(url)), atMilliseconds: performance.now() });
    await sleep(1000);
  }
  return polls;
}
