import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Route } from '@sluice/common/link/route.ts';
import { type Poll, pollViolations } from '@sluice/test/viewer/invariants.ts';
import { type PlaylistEntry, parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { request } from 'undici';
import { testRoute } from '../src/testing/route.ts';
import { sessionOf } from './all-modes.ts';
import type { Scheme } from './common-encryption.ts';
import { DrmSource, ENCRYPTIONS, FAIRPLAY_LINE } from './drm-source.ts';
import { type Playing, playInBrowsers } from './players.ts';
import { ANY_RHYTHM, text } from './playing.ts';
import { type EdgePrograms, type LinkFolder, until } from './programs.ts';
import { withSource } from './with-source.ts';

const run = promisify(execFile);
/** Of the film: more than a recording lists at once, so that it has to be played. */
const FILM_SECONDS = 14;
const LADDER = [{ name: '90p', height: 90, bitrateBps: 200_000 }];

/** A channel of a film; Transcode is asked for, and must not come about. */
interface Shown {
  readonly name: string;
  readonly playlist: string;
  readonly scheme: Scheme;
  readonly mode: 'Direct' | 'Proxy' | 'Transcode';
  readonly players: NonNullable<Playing['players']>;
}

const CHANNELS: readonly Shown[] = [
  { name: 'cenc', playlist: 'cenc-main.m3u8', scheme: 'cenc', mode: 'Direct', players: ['hls', 'shaka'] },
  { name: 'stored', playlist: 'cenc-main.m3u8', scheme: 'cenc', mode: 'Transcode', players: ['hls', 'shaka'] },
  { name: 'cbcs', playlist: 'cbcs-main.m3u8', scheme: 'cbcs', mode: 'Proxy', players: ['shaka'] },
  { name: 'unsaid', playlist: 'unsaid.m3u8', scheme: 'cenc', mode: 'Transcode', players: [] },
];

/** Played by nobody here. */
const FAIRPLAY = { name: 'fairplay', playlist: 'fairplay.m3u8', mode: 'Transcode' } as const;

function routeOf(
  { name, playlist, mode }: Pick<Shown, 'name' | 'playlist' | 'mode'>,
  source: DrmSource,
  edge: EdgePrograms,
): Route {
  const session = mode === 'Transcode' ? sessionOf(LADDER) : null;
  const own = { name, uid: `${name}-0000`, mode, session, ladder: LADDER };
  return testRoute(source.url(playlist), { ...own, owners: [edge.owner], ownerTerm: 1 });
}

/** What a playlist listed from its beginning to its end, each entry once. */
async function listedToTheEnd(url: string): Promise<readonly PlaylistEntry[]> {
  const polls: Poll[] = [];
  const listed = new Map<number, PlaylistEntry>();
  for (;;) {
    const playlist = parseMediaPlaylist(await text(url));
    polls.push({ playlist, atMilliseconds: performance.now() });
    for (const entry of playlist.entries) listed.set(entry.msn, entry);
    if (playlist.ended) break;
    await sleep(500);
  }
  assert.deepEqual(pollViolations(polls, ANY_RHYTHM), [], url);
  return [...listed.values()];
}

async function bytesAt(url: URL): Promise<Buffer> {
  const answer = await request(url);
  assert.equal(answer.statusCode, 200, url.href);
  return Buffer.from(await answer.body.arrayBuffer());
}

/**
 * Pictures that FFmpeg finds in a stream with its key; fails on any warning, as at pictures that were decrypted wrongly. It reads
 * from a pipe: of a file of several fragments FFmpeg 5.1 mixes up what belongs to which sample.
 */
async function decrypted(parts: readonly Buffer[], scheme: Scheme): Promise<number> {
  const key = ENCRYPTIONS[scheme].key.toString('hex');
  const input = ['-v', 'warning', '-nostats', '-decryption_key', key, '-i', 'pipe:0'];
  const reading = run('ffmpeg', [...input, '-f', 'null', '-progress', '-', '-'], { timeout: 60_000 });
  reading.child.stdin?.end(Buffer.concat(parts));
  const { stdout, stderr } = await reading;
  assert.equal(stderr, '', 'FFmpeg warns of nothing');
  return Number([...stdout.matchAll(/^frame=(\d+)/gm)].at(-1)?.[1] ?? 0);
}

/** Plays one channel to its end, and compares what it listed with what the source has. @returns pictures in FFmpeg */
async function plays({ name, scheme, mode, players }: Shown, source: DrmSource, edge: EdgePrograms): Promise<number> {
  const base = `${edge.url}/live/default/${name}`;
  const rung = `${base}/90p.m3u8`;
  await until(`${name} plays`, 60, async () => (await request(rung)).statusCode === 200);
  const licenceUrl = source.url(`${scheme}.licence`);
  const [entries] = await Promise.all([
    listedToTheEnd(rung),
    players.length > 0 && playInBrowsers(`${base}/index.m3u8`, FILM_SECONDS, { players, licenceUrl }),
  ]);
  assert.equal(entries.length, FILM_SECONDS / 2, `${name} lists every segment`);
  const keys = name === 'unsaid' ? [] : [...source.keyLines(scheme)].sort();
  const [first] = entries;
  const parts = [await bytesAt(new URL(first?.mapUri ?? 'none', rung))];
  assert.ok(parts[0]?.equals(source.bytes(`${scheme}-init.mp4`)), `${name}: the section, byte by byte`);
  for (const [index, entry] of entries.entries()) {
    assert.deepEqual(entry.keys, keys, `${name}: the keys' lines, character by character`);
    assert.equal(entry.uri.startsWith('s/'), mode !== 'Direct', entry.uri);
    const bytes = await bytesAt(new URL(entry.uri, rung));
    assert.ok(bytes.equals(source.bytes(`${scheme}-${index}.m4s`)), `${name}: segment ${index}, byte by byte`);
    parts.push(bytes);
  }
  return decrypted(parts, scheme);
}

/** Of MPEG-TS for FairPlay nothing is changed on its way, either. */
async function passes(source: DrmSource, edge: EdgePrograms): Promise<void> {
  const url = `${edge.url}/live/default/fairplay/source.m3u8`;
  await until('fairplay is listed', 60, async () => (await request(url)).statusCode === 200);
  for (const [index, { keys, uri }] of (await listedToTheEnd(url)).entries()) {
    assert.deepEqual(keys, [FAIRPLAY_LINE]);
    const bytes = await bytesAt(new URL(uri, url));
    assert.ok(uri.startsWith('s/') && bytes.equals(source.bytes(`fairplay${index}.ts`)), `${uri}, byte by byte`);
  }
  assert.equal(edge.operator.reportOf('fairplay-0000')?.transcodeObstacle?.reason, 'Encrypted');
}

async function playAll(source: DrmSource, edge: EdgePrograms): Promise<string> {
  edge.snapshot([...CHANNELS, FAIRPLAY].map((one) => routeOf(one, source, edge)));
  const [frames] = await Promise.all([
    Promise.all(CHANNELS.map((one) => plays(one, source, edge))),
    passes(source, edge),
  ]);
  assert.deepEqual(frames, Array(CHANNELS.length).fill(source.frames), 'FFmpeg decrypts every picture');
  for (const { name, mode } of CHANNELS) {
    const report = edge.operator.reportOf(`${name}-0000`);
    assert.equal(report?.transcodeObstacle?.reason, 'Encrypted', name);
    assert.equal(report?.activeMode, mode === 'Direct' ? 'Direct' : 'Proxy', name);
    assert.equal(report?.health.reason, 'SourceEnded', `${name}: ${report?.health.message}`);
  }
  return `${source.frames} frames of each in FFmpeg; cenc in hls.js and Shaka Player, cbcs in Shaka Player`;
}

/**
 * Films encrypted for DRM systems play by ClearKey in hls.js and Shaka Player, whose browser decrypts them, and in FFmpeg;
 * no transcoder gets any of them, and the Channel says why.
 */
export function drm(link: LinkFolder): Promise<string> {
  return withSource(link, '127.0.60.4', () => DrmSource.start(FILM_SECONDS), playAll);
}
