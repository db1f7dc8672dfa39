import { createHash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bundle } from '../../images/bundle.ts';
import { type ClusterConfig, readConfig } from '../cluster/config.ts';
import { run } from '../cluster/process/command.ts';
import type { Progress } from '../cluster/progress.ts';
import { ensurePrograms, MEDIA_PROGRAMS } from '../setup/debian-packages.ts';

/** Where Debian's nginx lies, which PATH of people who are not root may lack. */
const SYSTEM_FOLDERS = '/usr/local/sbin:/usr/sbin:/sbin';

/** What ends a start by people. */
const INTERRUPTIONS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Hexadecimal digits of a film's hash in its file's name: no two films of one machine meet in 48 bits. */
const HASH_DIGITS = 12;

/**
 * Makes everything that a start without Kubernetes needs on this machine: nginx and FFmpeg, the programs of the images,
 * the demo source's film. What is there already costs no time but the bundles' second.
 * @returns the settings that tell the operator where it lies, as environment variables
 * @throws SluiceError PROGRAM_MISSING with the line that installs what is missing
 */
export async function prepareStandalone(
  progress: Progress,
  config: Pick<ClusterConfig, 'repositoryRoot' | 'cacheDirectory'> = readConfig(),
): Promise<Readonly<Record<string, string>>> {
  const { repositoryRoot: root, cacheDirectory } = config;
  await ensurePrograms(MEDIA_PROGRAMS, progress, `${process.env.PATH ?? ''}:${SYSTEM_FOLDERS}`);
  await progress.step('bundle the programs', 1, () => bundle(root, ['edge', 'transcoder', 'page'], () => {}));
  const demoSource = join(root, 'test/demo-source');
  return {
    SLUICE_PROGRAMS: join(root, 'dist'),
    SLUICE_DEMO_SOURCE: demoSource,
    SLUICE_FILM: await filmOf(demoSource, cacheDirectory, progress),
  };
}

/** The demo source's film, encoded once per version of the clip and of the way it is encoded. */
async function filmOf(demoSource: string, cacheDirectory: string, progress: Progress): Promise<string> {
  const [clip, script] = [join(demoSource, 'big-buck-bunny.mp4'), join(demoSource, 'encode.sh')];
  const hash = createHash('sha256')
    .update(await readFile(clip))
    .update(await readFile(script));
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
    await progress.step("encode the demo source's film", 15, () => run('sh', [script, clip, unfinished]));
    await rename(unfinished, film);
  } finally {
    for (const signal of INTERRUPTIONS) process.off(signal, abandon);
    rmSync(unfinished, { force: true });
  }
  return film;
}
