import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Poll, pollViolations } from '@sluice/test/viewer/invariants.ts';
import { type MediaPlaylist, parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { ANY_RHYTHM, SECTION_AGAIN, text } from './playing.ts';

const run = promisify(execFile);

/** What a playlist was until it ended. */
export interface PlayedToEnd {
  /** Pictures that FFmpeg has decoded. */
  readonly frames: number;
  /** The last one. */
  readonly playlist: MediaPlaylist;
}

/** A recording lasts half a minute, and players are a quarter behind: what takes longer hangs. */
const PLAYED_MILLISECONDS = 120_000;

/** What FFmpeg says at a break of its input, whoever sends it: it reads on as if there were none. */
const AT_A_BREAK = /^.*(?:Packet corrupt|corrupt input packet|non monotonically increasing dts).*\n/gm;

/** Decodes a playlist with FFmpeg from its first segment on until it ends. @returns pictures, and what FFmpeg warns of */
export async function decodeToEnd(url: string): Promise<{ readonly frames: number; readonly warnings: string }> {
  const input = ['-v', 'warning', '-nostdin', '-live_start_index', '0', '-i', url];
  const output = ['-fps_mode', 'passthrough', '-f', 'null', '-progress', '-', '-'];
  const { stdout, stderr } = await run('ffmpeg', [...input, ...output], { timeout: PLAYED_MILLISECONDS });
  const frames = Number([...stdout.matchAll(/^frame=(\d+)/gm)].at(-1)?.[1] ?? 0);
  return { frames, warnings: stderr.replace(SECTION_AGAIN, '') };
}

/** Plays a channel as FFmpeg does, from the first segment listed until its playlist ends. Fails on any warning. */
export async function playToTheEnd(url: string): Promise<PlayedToEnd> {
  const polls: Poll[] = [];
  const decoding = decodeToEnd(url);
  decoding.catch(() => undefined);
  for (let hasEnded = false; !hasEnded; ) {
    const playlist = parseMediaPlaylist(await text(url));
    polls.push({ playlist, atMilliseconds: performance.now() });
    hasEnded = playlist.ended;
    if (!hasEnded) await sleep(1_000);
  }
  const { frames, warnings } = await decoding;
  const hasBreak = polls.some(({ playlist }) => playlist.entries.some(({ discontinuity }) => discontinuity));
  assert.equal(hasBreak ? warnings.replace(AT_A_BREAK, '') : warnings, '', `FFmpeg warns of nothing at ${url}`);
  assert.deepEqual(pollViolations(polls, ANY_RHYTHM), []);
  const playlist = polls.at(-1)?.playlist;
  assert.ok(playlist !== undefined && polls.length > 3, 'it is played, not listed at once');
  return { frames, playlist };
}
