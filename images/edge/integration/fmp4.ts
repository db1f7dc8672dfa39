import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pollViolations } from '@sluice/test/viewer/invariants.ts';
import { parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { request } from 'undici';
import { testRoute } from '../src/testing/route.ts';
import { throughAllModes } from './all-modes.ts';
import { FRAGMENTED_PLAYLIST, fragmentedFilm } from './fragmented-film.ts';
import type { LiveFolder } from './live-folder.ts';
import { ANY_RHYTHM, decode, poll, text } from './playing.ts';
import { type EdgePrograms, type LinkFolder, until } from './programs.ts';
import { withSource } from './with-source.ts';

const FILM = '/live/default/film';
const run = promisify(execFile);

/** Decodes what a playlist lists as one file: its section, then its segments. @returns frames; fails on any warning */
async function decodeFile(playlistUrl: string): Promise<number> {
  const { entries } = parseMediaPlaylist(await text(playlistUrl));
  const folder = await mkdtemp(join(tmpdir(), 'sluice-film-'));
  try {
    const names = [entries[0]?.mapUri ?? 'none', ...entries.map(({ uri }) => uri)];
    const parts = await Promise.all(
      names.map(async (name) => (await request(new URL(name, playlistUrl))).body.bytes()),
    );
    await writeFile(join(folder, 'film.mp4'), Buffer.concat(parts));
    const words = ['-v', 'warning', '-nostdin', '-i', join(folder, 'film.mp4'), '-f', 'null', '-progress', '-', '-'];
    const { stdout, stderr } = await run('ffmpeg', words, { timeout: 60_000 });
    assert.equal(stderr, '', 'FFmpeg warns of nothing');
    return Number([...stdout.matchAll(/^frame=(\d+)/gm)].at(-1)?.[1] ?? 0);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What is to be seen of a source. */
interface Expected {
  readonly codecs: RegExp;
  /** Why it cannot be transcoded; null: it is. */
  readonly obstacle: string | null;
}

/** Half as high as the source. */
const LADDER = [{ name: '90p', height: 90, bitrateBps: 200_000 }];

function plays(link: LinkFolder, words: readonly string[], expected: Expected): Promise<string> {
  const start = (): Promise<LiveFolder> => fragmentedFilm('127.0.60.8', words);
  return withSource(link, '127.0.60.4', start, (source, edge) => playsAt(edge, source, expected));
}

async function playsAt(edge: EdgePrograms, source: LiveFolder, { codecs, obstacle }: Expected): Promise<string> {
  const sourceUrl = source.url(FRAGMENTED_PLAYLIST);
  const route = testRoute(sourceUrl, { owners: [edge.owner], ownerTerm: 1, mode: 'Proxy', ladder: LADDER });
  edge.snapshot([route]);
  const url = `${edge.url}${FILM}/90p.m3u8`;
  await until('the channel plays', 60, async () => (await request(url)).statusCode === 200);
  assert.match(await text(`${edge.url}${FILM}/index.m3u8`), codecs);
  const [frames, polls] = await Promise.all([decode(url, 5), poll(url, 6)]);
  assert.deepEqual(pollViolations(polls, ANY_RHYTHM), []);
  assert.ok(frames >= 120, `${frames} frames in 5 s`);
  await until('six segments are listed', 60, async () => parseMediaPlaylist(await text(url)).entries.length >= 6);
  const whole = await decodeFile(url);
  assert.ok(whole >= 50 * 6, `${whole} frames in the window`);
  const entries = polls.at(-1)?.playlist.entries ?? [];
  const map = entries[0]?.mapUri ?? 'none';
  const init = Buffer.from(await (await request(`${edge.url}${FILM}/${map}`)).body.arrayBuffer());
  assert.ok(init.equals(await readFile(join(source.path, 'init.mp4'))), "the map is the source's, byte by byte");
  const served = await request(`${edge.url}${FILM}/${entries.at(-1)?.uri}`);
  assert.deepEqual([served.statusCode, served.headers['content-type']], [200, 'video/mp4']);
  await served.body.dump();
  const media = source.requests.filter((name) => /^\d+\.m4s$/.test(name));
  assert.ok(media.length - new Set(media).size <= 1, 'each segment leaves the source once, but for the probe');
  assert.equal(source.requests.filter((name) => name === 'init.mp4').length, 2, 'the probe, and once for all segments');
  const report = edge.operator.received.findLast(({ type }) => type === 'report');
  assert.ok(report?.type === 'report');
  assert.equal(report.report.transcodeObstacle?.reason ?? null, obstacle);
  if (obstacle === null) {
    const all = { edge, route, url: `${edge.url}${FILM}`, sourceUrl, rungs: ['source', '90p'] };
    return `${frames} frames live, ${whole} as a file, then\n  ${await throughAllModes(all)}`;
  }
  edge.operator.send({ type: 'route', route: { ...route, mode: 'Direct' } });
  await until(
    'new entries name the source',
    60,
    async () => (await text(url)).trimEnd().endsWith('.m4s') && /http:.*\.m4s\n$/.test(await text(url)),
  );
  assert.deepEqual(pollViolations([...polls, ...(await poll(url, 4))], ANY_RHYTHM), []);
  return `${frames} frames live, ${whole} as a file`;
}

/**
 * Audio and video in the same segments. Without B-frames: of those Shaka Player loses the last pictures of each such segment,
 * also where it plays the source itself.
 */
export function muxed(link: LinkFolder): Promise<string> {
  return plays(link, ['-c:v', 'libx264', '-bf', '0', '-c:a', 'aac'], { codecs: /source\.m3u8/, obstacle: null });
}

/** No sound, and pictures that no rung could be joined with. */
export function silentHevc(link: LinkFolder): Promise<string> {
  const words = ['-an', '-c:v', 'libx265', '-x265-params', 'log-level=error:keyint=50:scenecut=0', '-tag:v', 'hvc1'];
  return plays(link, words, { codecs: /CODECS="hvc1\.[^,"]+"\n90p/, obstacle: 'VideoCodec' });
}
