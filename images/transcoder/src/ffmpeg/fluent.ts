import type { FfmpegCommand } from 'fluent-ffmpeg';
import ffmpeg from 'fluent-ffmpeg';

/** A new command of fluent-ffmpeg, named presets off: it looks for their folder by `__dirname`, which a bundle lacks. */
export function newCommand(): FfmpegCommand {
  return ffmpeg({ presets: 'none' });
}
