import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readInit } from '@sluice/common/mp4/section.ts';
import { type CaptionsByTime, captionsOfFragments, captionsOfTransportStream, withCaptions } from './captions.ts';
import type { TestOwner } from './owner.ts';
import { ffmpeg, SEGMENT_SECONDS } from './source.ts';
import { assertStored, BACKLOG, bytesOf, CLIP, JOB, until, withAgent } from './stage.ts';

const SEGMENTS = 4;
const FRAMES = 25 * SEGMENT_SECONDS;
/** For what takes a second: a limit for what hangs, not for what is slow. */
const LIMIT_SECONDS = 60;

/** A recording with captions in its pictures, in either container. */
interface Recording {
  readonly segments: readonly Uint8Array[];
  /** Of fragmented MP4; null for MPEG-TS. */
  readonly init: { readonly name: string; readonly bytes: Uint8Array } | null;
}

/** Makes one in `folder`, with B-frames: pictures are not decoded in the order in which they are shown. */
function makeRecording(folder: string, isFragmented: boolean): Recording {
  const [plain, film] = [join(folder, 'plain.mp4'), join(folder, 'film.mp4')];
  ffmpeg([
    ...['-v', 'error', '-stream_loop', '-1', '-i', CLIP, '-t', `${SEGMENTS * SEGMENT_SECONDS}`, '-r', '25'],
    ...['-vf', 'scale=320:180', '-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-sc_threshold', '0'],
    ...[
      '-g',
      `${FRAMES}`,
      '-c:a',
      'aac',
      '-ac',
      '2',
      '-movflags',
      '+frag_keyframe+empty_moov+default_base_moof',
      plain,
    ],
  ]);
  writeFileSync(film, withCaptions(readFileSync(plain)));
  const [kind, ending] = isFragmented ? ['fmp4', '.m4s'] : ['mpegts', '.ts'];
  ffmpeg([
    ...['-v', 'error', '-i', film, '-c', 'copy', '-f', 'hls', '-hls_time', `${SEGMENT_SECONDS}`],
    ...['-hls_list_size', '0', '-hls_segment_type', kind],
    ...['-hls_segment_filename', join(folder, `%d${ending}`), join(folder, 'index.m3u8')],
  ]);
  const read = (name: string): Uint8Array => readFileSync(join(folder, name));
  const names = readdirSync(folder).filter((name) => name.endsWith(ending));
  const init = isFragmented ? { name: 'recording', bytes: read('init.mp4') } : null;
  return { segments: names.sort().map(read), init };
}

/** Captions of the recording's segment, and of the same one of a rung. */
function captionsOf({ segments, init }: Recording, owner: TestOwner, name: string): readonly CaptionsByTime[] {
  const source = segments[Number(name.split('/')[2])] ?? new Uint8Array(0);
  const stored = bytesOf(owner, name);
  if (init === null) return [captionsOfTransportStream(source), captionsOfTransportStream(stored)];
  const rung = readInit(stored);
  return [captionsOfFragments(init.bytes, source), captionsOfFragments(rung.init, rung.media)];
}

function offer(owner: TestOwner, { segments, init }: Recording, msn: number): void {
  const bytes = segments[msn];
  assert.ok(bytes, `the recording has no segment ${msn}`);
  owner.offer({ msn, bytes, discontinuity: false, ...(init === null ? {} : { init }) });
}

async function played(recording: Recording): Promise<string> {
  return withAgent(async (owner, agent) => {
    const have = (msn: number): boolean => JOB.rungs.every(({ name }) => owner.stored.has(`1/${name}/${msn}`));
    for (let msn = 0; msn < BACKLOG; msn++) offer(owner, recording, msn);
    await until('the first segments are stored', LIMIT_SECONDS, () => have(BACKLOG - 2));
    // What it was given is all there is, as where a live source ends: the last segment was fed long before.
    owner.ended = true;
    await until('the last segment is stored', LIMIT_SECONDS, () => have(BACKLOG - 1));
    await until('FFmpeg has ended', LIMIT_SECONDS, () => agent.encoders().length === 0);
    // It goes on, and ends again, with its last segment.
    offer(owner, recording, SEGMENTS - 1);
    await until('what came behind the end is stored', LIMIT_SECONDS, () => have(SEGMENTS - 1));
    owner.stop = true;
    assert.equal(await agent.exited, 0);
    assertStored(owner, 1, 0, SEGMENTS);
    for (const name of owner.stored.keys()) {
      const [from = [], made = []] = captionsOf(recording, owner, name);
      assert.equal(new Set(from.map(([, data]) => data)).size, FRAMES, `${name}: each picture has captions of its own`);
      assert.deepEqual(made, from, `${name}: captions`);
    }
    return `${owner.stored.size} segments, ${FRAMES * owner.stored.size} pictures with the source's captions`;
  });
}

/** A source that ends: the last segment of each rung is whole, FFmpeg has ended, and captions are where they were. */
export async function ending(): Promise<string> {
  const told: string[] = [];
  for (const isFragmented of [false, true]) {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-recording-'));
    try {
      told.push(`${isFragmented ? 'fragmented MP4' : 'MPEG-TS'} ${await played(makeRecording(folder, isFragmented))}`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  return told.join(', ');
}
