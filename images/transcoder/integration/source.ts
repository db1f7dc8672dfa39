import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Length of the source's segments in seconds: its keyframes stand at every multiple. */
export const SEGMENT_SECONDS = 2;

/** The FFmpeg that is tested: SLUICE_FFMPEG, as for the agent itself. */
export const FFMPEG = process.env.SLUICE_FFMPEG ?? 'ffmpeg';

/** A live source cut into segments, in a folder of its own. */
export interface Source {
  readonly folder: string;
  readonly segments: readonly Uint8Array[];
}

/**
 * Runs FFmpeg to its end.
 * @returns what it wrote to stderr
 * @throws Error with that text, or with what to install
 */
export function ffmpeg(argv: readonly string[], input?: Uint8Array): string {
  const done = spawnSync(FFMPEG, ['-nostdin', '-y', '-hide_banner', ...argv], {
    ...(input === undefined ? {} : { input }),
    maxBuffer: 64 * 1024 * 1024,
  });
  if (done.error !== undefined) {
    const install = 'apt-get install -y --no-install-recommends ffmpeg (5.1 or newer)';
    throw new Error(`FFmpeg does not run: ${done.error.message}. Install it: ${install}`);
  }
  const stderr = done.stderr.toString('utf8');
  if (done.status !== 0) throw new Error(`ffmpeg ${argv.join(' ')}: ${stderr}`);
  return stderr;
}

/**
 * Encodes a clip into MPEG-TS segments as a broadcaster would send them: a keyframe every two seconds, two B-frames
 * in a row, AAC, several frames of audio in one PES packet.
 * @param offsetSeconds timestamp of the first frame
 */
export function makeSource(clip: string, count: number, offsetSeconds: number): Source {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-source-'));
  ffmpeg([
    ...['-v', 'error', '-stream_loop', '-1', '-i', clip, '-t', `${count * SEGMENT_SECONDS}`],
    ...['-vf', 'scale=640:360', '-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2', '-sc_threshold', '0'],
    ...['-force_key_frames', `expr:gte(t,n_forced*${SEGMENT_SECONDS})`],
    ...['-c:a', 'aac', '-b:a', '128k', '-ac', '2', '-output_ts_offset', `${offsetSeconds}`],
    ...['-f', 'hls', '-hls_time', `${SEGMENT_SECONDS}`, '-hls_list_size', '0'],
    ...['-hls_segment_filename', join(folder, '%03d.ts'), join(folder, 'index.m3u8')],
  ]);
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .slice(0, count);
  return { folder, segments: names.map((name) => readFileSync(join(folder, name))) };
}
