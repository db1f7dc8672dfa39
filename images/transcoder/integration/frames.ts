import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPackets } from '@sluice/common/mpegts/packet.ts';
import { readPesHeader } from '@sluice/common/mpegts/pes.ts';
import { findProgram } from '@sluice/common/mpegts/program.ts';
import { ffmpeg } from './source.ts';

/** The elementary streams of a segment. */
export interface Frames {
  /** PTS of each video frame, ascending, 90 kHz. */
  readonly videoPts: readonly number[];
  /** PTS - DTS of the first video frame. */
  readonly reorderTicks: number;
  /** The audio's elementary stream: ADTS frames one behind the other. */
  readonly audio: Buffer;
}

/** Takes a segment apart. */
export function framesOf(segment: Uint8Array): Frames {
  const program = findProgram(segment);
  const videoPts: number[] = [];
  const audio: Uint8Array[] = [];
  let reorderTicks = 0;
  for (const packet of readPackets(segment)) {
    const payload = segment.subarray(packet.payload, packet.end);
    const header = packet.unitStart && packet.hasPayload && isMedia(packet.pid) ? readPesHeader(payload) : null;
    if (packet.pid === program.video?.pid && typeof header?.pts === 'number') {
      if (videoPts.length === 0) reorderTicks = header.pts - (header.dts ?? header.pts);
      videoPts.push(header.pts);
    }
    if (packet.pid === program.audio?.pid) audio.push(payload.subarray(header?.headerBytes ?? 0));
  }
  return { videoPts: videoPts.sort((left, right) => left - right), reorderTicks, audio: Buffer.concat(audio) };

  function isMedia(pid: number): boolean {
    return pid === program.video?.pid || pid === program.audio?.pid;
  }
}

/** What FFmpeg says of a film. */
export interface Decoded {
  /** Warnings and errors; empty where there are none. */
  readonly warnings: string;
  /** PTS of each decoded picture in 90 kHz, in the order shown. */
  readonly videoPts: readonly number[];
  /** PTS of each decoded block of audio in 90 kHz. */
  readonly audioPts: readonly number[];
}

/**
 * Decodes a film that is one file, as a player of its segments would get it.
 * @param folder for scratch files
 * @param tracks that it has
 */
export function decode(folder: string, film: Uint8Array, tracks: readonly ('v' | 'a')[] = ['v', 'a']): Decoded {
  const file = join(folder, 'film');
  const sums = join(folder, 'film.md5');
  writeFileSync(file, film);
  const warnings = ffmpeg([
    ...['-v', 'warning', '-copyts', '-i', file, ...tracks.flatMap((track) => ['-map', `0:${track}:0`])],
    ...[
      '-fps_mode',
      'passthrough',
      '-enc_time_base',
      '1:90000',
      '-vf',
      'scale=64:36',
      '-c:a',
      'pcm_s16le',
      '-f',
      'framemd5',
      sums,
    ],
  ]);
  const rows = readFileSync(sums, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').map(Number));
  const ptsOf = (stream: number): number[] =>
    rows.filter((row) => row[0] === stream).map((row) => row[2] ?? Number.NaN);
  return { warnings: warnings.trim(), videoPts: ptsOf(0), audioPts: ptsOf(1) };
}
