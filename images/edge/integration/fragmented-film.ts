import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SEAMLESS } from './all-modes.ts';
import { LiveFolder } from './live-folder.ts';
import { until } from './programs.ts';

const CLIP = join(import.meta.dirname, '../../../test/demo-source/big-buck-bunny.mp4');
const run = promisify(execFile);

/** The playlist of {@link fragmentedFilm}. */
export const FRAGMENTED_PLAYLIST = 'index.m3u8';

/**
 * Live HLS of fragmented MP4, pictures and sound in one file, that a real FFmpeg writes without an end.
 * @param address of its server, on loopback
 * @param words what FFmpeg does with the clip's streams
 */
export async function fragmentedFilm(address: string, words: readonly string[]): Promise<LiveFolder> {
  const source = await LiveFolder.open(address);
  const file = (name: string): string => join(source.path, name);
  const picture = ['-vf', 'scale=320:180', '-preset', 'ultrafast', '-bf', '2', '-g', '50', '-sc_threshold', '0'];
  const clip = ['-v', 'error', '-stream_loop', '-1', '-i', CLIP, '-r', '25', ...picture, ...SEAMLESS, ...words];
  await run('ffmpeg', [...clip, file('film.mp4')]);
  const endless = ['-v', 'error', '-nostdin', '-re', '-stream_loop', '-1', '-i', file('film.mp4'), '-c', 'copy'];
  const output = ['-f', 'hls', '-hls_time', '2', '-hls_list_size', '8', '-hls_delete_threshold', '12'];
  const flags = ['-hls_flags', 'delete_segments+program_date_time+temp_file'];
  const names = ['-hls_segment_type', 'fmp4', '-hls_segment_filename', file('%d.m4s')];
  await source.encode([...endless, ...output, ...flags, ...names, file(FRAGMENTED_PLAYLIST)]);
  await until('the source has five segments', 40, () => existsSync(file('4.m4s')));
  return source;
}
