import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../cluster/process/command.ts';

/** What FFmpeg made of the segments that a viewer got. */
export interface DecodeReport {
  readonly segments: number;
  readonly frames: number;
  /** Steps between consecutive frames in seconds that differ from the usual one, with the time where they occur. */
  readonly steps: readonly { readonly atSeconds: number; readonly stepSeconds: number }[];
  /** FFmpeg's warnings and errors, a line each. */
  readonly complaints: readonly string[];
}

/** Decodes all of the file `$0` once; the filter tells the time of each picture, and each line begins with its level. */
const DECODE = 'ffmpeg -hide_banner -nostdin -nostats -v level+info -i "$0" -vf showinfo=checksum=0 -f null - 2>&1';
/** What the filter says of a picture. */
const PICTURE = /\bn: *\d+ pts: *(-?\d+) /;
const COMPLAINT = /\[(?:panic|fatal|error|warning)\]/;
/** The clock of MPEG-TS. */
const TICKS_PER_SECOND = 90_000;
/** Half a frame at 60 frames per second: rounding of MPEG-TS clocks (1/90000 s) stays far below it. */
const STEP_TOLERANCE_SECONDS = 0.008;

/**
 * Joins a viewer's segments in the order of their names, as a player does, and decodes every frame with FFmpeg.
 * @param folder with `<msn>.ts` files of one viewer; gaps in their numbers show as a step
 */
export async function decodeFolder(folder: string): Promise<DecodeReport> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.ts') && name !== 'joined.ts').sort();
  const joined = join(folder, 'joined.ts');
  await writeFile(joined, Buffer.concat(await Promise.all(names.map((name) => readFile(join(folder, name))))));
  const lines = (await run('sh', ['-c', DECODE, joined])).split('\n');
  const frameTimes = lines.flatMap((line) => {
    const ticks = PICTURE.exec(line)?.[1];
    return ticks === undefined ? [] : [Number(ticks) / TICKS_PER_SECOND];
  });
  return {
    segments: names.length,
    frames: frameTimes.length,
    steps: unusualSteps(frameTimes),
    complaints: lines.filter((line) => COMPLAINT.test(line)),
  };
}

/** Steps that differ from the median step by more than half a frame of the fastest usual film. @param times in seconds, in the order of presentation */
export function unusualSteps(times: readonly number[]): { atSeconds: number; stepSeconds: number }[] {
  const steps = times.slice(1).map((time, index) => ({ atSeconds: time, stepSeconds: time - (times[index] ?? time) }));
  const usual = steps.map((step) => step.stepSeconds).sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
  return steps.filter((step) => Math.abs(step.stepSeconds - usual) > STEP_TOLERANCE_SECONDS);
}
