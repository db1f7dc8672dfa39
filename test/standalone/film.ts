import { createHash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../cluster/process/command.ts';
import type { Progress } from '../cluster/progress.ts';

/** In which form the demo source's clip is encoded. */
export interface Film {
  /** Even, in pixels. */
  readonly width: number;
  /** Even, in lines. */
  readonly height: number;
  readonly bitrateKbps: number;
}

/** What people see, and what the image of the demo source has. */
export const DEMO_FILM: Film = { width: 1280, height: 720, bitrateKbps: 2600 };

/** For scenarios that share two cores: as high as the highest rung of the examples, at half of the decoders' work. */
export const SMALL_FILM: Film = { width: 854, height: 480, bitrateKbps: 1200 };

/** What ends a start by people. */
const INTERRUPTIONS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Hexadecimal digits of a film's hash in its file's name: no two films of one machine meet in 48 bits. */
const HASH_DIGITS = 12;

/**
 * The demo source's film, encoded once per version of the clip and of the way it is encoded.
 * @param demoSource folder with the clip and encode.sh
 * @returns its path
 */
export async function encodedFilm(
  { width, height, bitrateKbps }: Film,
  demoSource: string,
  cacheDirectory: string,
  progress: Progress,
): Promise<string> {
  const form = [`${width}:${height}`, String(bitrateKbps)];
  const [clip, script] = [join(demoSource, 'big-buck-bunny.mp4'), join(demoSource, 'encode.sh')];
  const hash = createHash('sha256')
    .update(await readFile(clip))
    .update(await readFile(script))
    .update(form.join(' '));
  const film = join(cacheDirectory, 'films', `${hash.digest('hex').slice(0, HASH_DIGITS)}.mp4`);
  if (existsSync(film)) return film;
  await mkdir(dirname(film), { recursive: true });
  // Two starts at once encode it twice, and the second replaces a whole film by the same one.
  const unfinished = `${film.slice(0, -'.mp4'.length)}.${process.pid}.part.mp4`;
  const abandon = (): void => {
    rmSync(unfinished, { force: true });
    process.exit(1);
  };
  for (const signal of INTERRUPTIONS) process.once(signal, abandon);
  try {
    await progress.step("encode the demo source's film", 15, () => run('sh', [script, clip, unfinished, ...form]));
    await rename(unfinished, film);
  } finally {
    for (const signal of INTERRUPTIONS) process.off(signal, abandon);
    rmSync(unfinished, { force: true });
  }
  return film;
}
