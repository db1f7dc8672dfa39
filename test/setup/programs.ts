import { messageOf } from '@sluice/common/errors/error.ts';
import { createProgress } from '../cluster/progress.ts';
import { BROWSER_PROGRAMS, ensurePrograms, MEDIA_PROGRAMS, PLAYER_PROGRAMS } from './debian-packages.ts';

/** Installs the programs that the suites need outside the cluster; run by `npm test` before them. */
await ensurePrograms([...MEDIA_PROGRAMS, ...BROWSER_PROGRAMS, ...PLAYER_PROGRAMS], createProgress()).catch(
  (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  },
);
