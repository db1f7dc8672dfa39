import { join } from 'node:path';
import { bundle } from '../../images/bundle.ts';
import { type ClusterConfig, readConfig } from '../cluster/config.ts';
import type { Progress } from '../cluster/progress.ts';
import { ensurePrograms, MEDIA_PROGRAMS } from '../setup/debian-packages.ts';
import { DEMO_FILM, encodedFilm, type Film } from './film.ts';

/** Where Debian's nginx lies, which PATH of people who are not root may lack. */
const SYSTEM_FOLDERS = '/usr/local/sbin:/usr/sbin:/sbin';

/**
 * Makes everything that a start without Kubernetes needs on this machine: nginx and FFmpeg, the programs of the images,
 * the demo source's film. What is there already costs no time but the bundles' second.
 * @returns the settings that tell the operator where it lies, as environment variables
 * @throws SluiceError PROGRAM_MISSING with the line that installs what is missing
 */
export async function prepareStandalone(
  progress: Progress,
  film: Film = DEMO_FILM,
  config: Pick<ClusterConfig, 'repositoryRoot' | 'cacheDirectory'> = readConfig(),
): Promise<Readonly<Record<string, string>>> {
  const { repositoryRoot: root, cacheDirectory } = config;
  await ensurePrograms(MEDIA_PROGRAMS, progress, `${process.env.PATH ?? ''}:${SYSTEM_FOLDERS}`);
  await progress.step('bundle the programs', 1, () => bundle(root, ['edge', 'transcoder', 'page'], () => {}));
  const demoSource = join(root, 'test/demo-source');
  return {
    SLUICE_PROGRAMS: join(root, 'dist'),
    SLUICE_DEMO_SOURCE: demoSource,
    SLUICE_FILM: await encodedFilm(film, demoSource, cacheDirectory, progress),
  };
}
