import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { child, readBoxes, wholeBox } from '@sluice/common/mp4/box.ts';
import { inspectInit } from '@sluice/common/mp4/init.ts';
import { readSamples, type TrackSamples } from '@sluice/common/mp4/samples.ts';
import { readInit } from '@sluice/common/mp4/section.ts';
import { timesOf } from '../src/fragment/plan.ts';
import { decode } from './frames.ts';
import type { TestOwner } from './owner.ts';
import { ffmpeg, SEGMENT_SECONDS } from './source.ts';
import { assertRegular, BACKLOG, bytesOf, CLIP, JOB, until, VIDEO_TICKS, withAgent } from './stage.ts';

const SEGMENTS = 6;
/** For what takes a second: a limit for what hangs, not for what is slow. */
const LIMIT_SECONDS = 60;
/** What FFmpeg 5 says where a file has a second Movie Box, as one of joined parts has: it reads on. */
const SECOND_SECTION = /^\[mov,mp4.*\] Found duplicated MOOV Atom\. Skipped it$|^ *Last message repeated \d+ times$/;
/**
 * What FFmpeg's parser says where it needs the parameter sets behind the last picture of a rung: it reads a sample up to its
 * first picture, and misses them. The decoder does not.
 */
const PARSER = /^\[NULL @ /;
const HEVC_INIT = join(import.meta.dirname, '../../common/corpus/mp4/hevc-init.mp4');

/** A source of fragmented MP4 in a folder of its own. */
interface FragmentedSource {
  readonly folder: string;
  readonly init: { readonly name: string; readonly bytes: Uint8Array };
  readonly segments: readonly Uint8Array[];
}

/** Encodes the clip as a broadcaster would send it: a keyframe every two seconds, B-frames. @param words its audio */
function makeSource(name: string, words: readonly string[]): FragmentedSource {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-source-'));
  ffmpeg([
    ...['-v', 'error', '-stream_loop', '-1', '-i', CLIP, '-t', `${SEGMENTS * SEGMENT_SECONDS}`],
    ...['-vf', 'scale=640:360', '-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-sc_threshold', '0'],
    ...['-force_key_frames', `expr:gte(t,n_forced*${SEGMENT_SECONDS})`, '-output_ts_offset', '100', ...words],
    ...['-f', 'hls', '-hls_time', `${SEGMENT_SECONDS}`, '-hls_list_size', '0', '-hls_segment_type', 'fmp4'],
    ...['-hls_segment_filename', join(folder, '%03d.m4s'), join(folder, 'index.m3u8')],
  ]);
  const names = readdirSync(folder).filter((file) => file.endsWith('.m4s'));
  const read = (file: string): Uint8Array => readFileSync(join(folder, file));
  return { folder, init: { name, bytes: read('init.mp4') }, segments: names.sort().slice(0, SEGMENTS).map(read) };
}

async function withSource(
  words: readonly string[],
  name: string,
  run: (source: FragmentedSource) => Promise<string>,
): Promise<string> {
  const source = makeSource(name, words);
  try {
    return await run(source);
  } finally {
    rmSync(source.folder, { recursive: true });
  }
}

function offer(owner: TestOwner, source: FragmentedSource, msn: number, index = msn): void {
  const bytes = source.segments[index];
  assert.ok(bytes, `the source has no segment ${index}`);
  owner.offer({ msn, bytes, discontinuity: false, init: source.init });
}

/** The edit list of a section's first track: what players shift all its times by. */
function editsOf(init: Uint8Array): string {
  const [trak] = readBoxes(child(readBoxes(init), 'moov').content).filter(({ type }) => type === 'trak');
  const edits = trak === undefined ? undefined : readBoxes(trak.content).find(({ type }) => type === 'edts');
  return edits === undefined ? 'none' : Buffer.from(wholeBox(edits)).toString('hex');
}

const mediaOf = ({ samples }: TrackSamples): Buffer => Buffer.concat(samples.map(({ bytes }) => bytes));

/** What has to be the same in source and rung: everything but the bytes of the pictures. */
function clockOf({ trackId, decodeTime, samples }: TrackSamples) {
  const times = timesOf(samples).toSorted((left, right) => left - right);
  return { trackId, decodeTime, times, ticks: samples.reduce((sum, { duration }) => sum + duration, 0) };
}

/** The rung's segment has the source's pictures at the source's times, and its audio byte for byte. */
function assertSame(source: FragmentedSource, owner: TestOwner, name: string, index: number): void {
  const stored = owner.stored.get(name);
  assert.equal(stored?.contentType, 'video/mp4');
  const { init, media } = readInit(bytesOf(owner, name));
  const from = readSamples(source.segments[index] ?? new Uint8Array(0), inspectInit(source.init.bytes));
  const made = readSamples(media, inspectInit(init));
  assert.deepEqual(made.tracks.map(clockOf), from.tracks.map(clockOf), `${name}: times`);
  const others = (tracks: readonly TrackSamples[]): Buffer => Buffer.concat(tracks.slice(1).map(mediaOf));
  assert.ok(others(made.tracks).equals(others(from.tracks)), `${name}: audio differs`);
  assert.equal(editsOf(init), editsOf(source.init.bytes), `${name}: edit list`);
}

/** A rung by itself, and between pieces of its source, decodes with every frame, without a step or a warning. */
function assertPlays(source: FragmentedSource, owner: TestOwner, name: string, tracks: readonly ('v' | 'a')[]): void {
  const part = (msn: number) => readInit(bytesOf(owner, `1/${name}/${msn}`));
  const sections = [0, 1, 2, 3].map((msn) => Buffer.from(part(msn).init).toString('hex'));
  assert.equal(new Set(sections).size, 1, `${name}: one section for all segments`);
  const frames = (seconds: number): number => (seconds * 90_000) / VIDEO_TICKS;
  const alone = decode(
    source.folder,
    Buffer.concat([part(0).init, ...[0, 1, 2, 3].map((msn) => part(msn).media)]),
    tracks,
  );
  assert.deepEqual([alone.warnings, alone.videoPts.length], ['', frames(4 * SEGMENT_SECONDS)]);
  const own = (...msns: readonly number[]) => [
    source.init.bytes,
    ...msns.map((msn) => source.segments[msn] ?? part(9).media),
  ];
  const film = decode(
    source.folder,
    Buffer.concat([...own(0, 1), part(2).init, part(2).media, part(3).media, ...own(4, 5)]),
    tracks,
  );
  const warnings = film.warnings
    .split('\n')
    .filter((line) => ![SECOND_SECTION, PARSER].some((usual) => usual.test(line)));
  assert.deepEqual(warnings, [], `${name}: FFmpeg warns`);
  assert.equal(film.videoPts.length, frames(SEGMENTS * SEGMENT_SECONDS));
  assertRegular(film.videoPts, VIDEO_TICKS, `${name}: video`);
  const joined = decode(
    source.folder,
    Buffer.concat([part(2).init, part(2).media, part(3).media, ...own(4, 5)]),
    tracks,
  );
  assert.equal(joined.videoPts.length, frames(4 * SEGMENT_SECONDS), `${name}: for a player that begins with it`);
}

/** Offers the whole source, the first three segments ahead, as a start has them; waits for all but the newest. */
async function offerAll(owner: TestOwner, source: FragmentedSource): Promise<void> {
  const have = (msn: number): boolean => JOB.rungs.every((rung) => owner.stored.has(`1/${rung.name}/${msn}`));
  for (let msn = 0; msn < BACKLOG; msn++) offer(owner, source, msn);
  await until('the first segments are stored', LIMIT_SECONDS, () => have(1));
  for (let msn = BACKLOG; msn < SEGMENTS; msn++) offer(owner, source, msn);
  await until('all but the newest are stored', LIMIT_SECONDS, () => have(SEGMENTS - 2));
}

/** Pictures and sound in one file. */
export function muxed(): Promise<string> {
  return withSource(['-c:a', 'aac', '-b:a', '128k', '-ac', '2'], 'muxed', (source) =>
    withAgent(async (owner, agent) => {
      await offerAll(owner, source);
      owner.stop = true;
      assert.equal(await agent.exited, 0);
      assert.deepEqual(owner.initsAsked, ['muxed'], 'the section is asked for once');
      for (const name of owner.stored.keys()) assertSame(source, owner, name, Number(name.split('/')[2]));
      for (const { name } of JOB.rungs) assertPlays(source, owner, name, ['v', 'a']);
      return `${owner.stored.size} segments`;
    }),
  );
}

/** Waits until the agent has told the owner of something. */
function told(owner: TestOwner, what: RegExp): Promise<void> {
  return until(`the owner is told ${what}`, LIMIT_SECONDS, () =>
    owner.reports.some(({ message }) => what.test(message)),
  );
}

/** Number of the parameter sets of our own rungs: with them in the source it is as with encoders that cannot choose theirs. */
const SAME_PARAMETER_SETS = ['-x264-params', 'sps-id=31'];

/** Pictures alone; then what a source may do wrong, none of which ends the agent. */
export function pictures(): Promise<string> {
  return withSource(['-an', '-video_track_timescale', '90000', ...SAME_PARAMETER_SETS], 'pictures', (source) =>
    withAgent(async (owner, agent) => {
      await offerAll(owner, source);
      const cut = (source.segments[0] ?? new Uint8Array(0)).subarray(0, 5_000);
      owner.offer({ msn: 6, bytes: cut, discontinuity: false, init: source.init });
      await told(owner, /box "mdat" says/);
      const hevc = { name: 'hevc', bytes: readFileSync(HEVC_INIT) };
      owner.offer({ msn: 7, bytes: cut, discontinuity: false, init: hevc });
      await told(owner, /its video is hvc1/);
      // The same bytes under another name are another section: a new run, and the old one gives its last segment.
      const other = { ...source, init: { ...source.init, name: 'other' } };
      for (let msn = 8; msn < 11; msn++) offer(owner, other, msn, msn - 8);
      await until(
        'the next run has begun',
        LIMIT_SECONDS,
        () => owner.stored.has('1/low/9') && owner.stored.has('1/high/9'),
      );
      await until(
        'the last run has ended',
        LIMIT_SECONDS,
        () => owner.stored.has('1/low/5') && owner.stored.has('1/high/5'),
      );
      owner.stop = true;
      assert.equal(await agent.exited, 0);
      assert.deepEqual(owner.initsAsked, ['pictures', 'hevc', 'other']);
      for (const name of owner.stored.keys()) assertSame(source, owner, name, Number(name.split('/')[2]) % 8);
      for (const { name } of JOB.rungs) assertPlays(source, owner, name, ['v']);
      return `${owner.stored.size} segments`;
    }),
  );
}
