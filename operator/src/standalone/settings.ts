import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { z } from 'zod';
import type { ProgramPaths } from './programs/local-images.ts';

/** What `--help` prints. */
export const HELP = `The operator of Sluice.

usage: operator [--feature-gates NAME=true,...]
       operator --standalone FILE-OR-FOLDER

The first form works in Kubernetes, with settings from the environment (docs/operations.md). The second one needs no
Kubernetes: operator, edges and transcodes run as processes of this machine (Linux; docs/standalone.md).

  --standalone PATH  YAML files with Channels, and with Secrets, Deployments and Services that they need; read again
                     when they change. A file that is wrong is refused, and what it held before goes on.

environment:
  SLUICE_PORT           port of the viewers' page on 127.0.0.1, default 8080
  SLUICE_PROGRAMS       folder of the bundled programs, as npm run build makes them, default dist
  SLUICE_DEMO_SOURCE    folder with the demo source's serve.sh and nginx.conf, default test/demo-source
  SLUICE_FILM           film that the demo source plays, default test/demo-source/film.mp4
  SLUICE_ALLOWED_CIDRS  networks that sources may be in although they are not public, with commas; this machine
                        (127.0.0.0/8) always is
  SLUICE_LOGS           programs (default): what programs say; all: every line of every program, requests too
`;

/** What the standalone mode is told from outside. */
export interface StandaloneSettings {
  /** File or folder with manifests. */
  readonly input: string;
  /** Port of the viewers' page on 127.0.0.1. */
  readonly pagePort: number;
  readonly programs: ProgramPaths;
  /** PATH that programs are looked for in. */
  readonly path: string;
  readonly allowedCidrs: readonly string[];
  /** Every line of every program, requests too. */
  readonly allLogs: boolean;
}

const schema = z.object({
  standalone: z.string().min(1),
  SLUICE_PORT: z.coerce.number().int().min(1).max(65_535).default(8080),
  SLUICE_PROGRAMS: z.string().min(1).default('dist'),
  SLUICE_DEMO_SOURCE: z.string().min(1).default('test/demo-source'),
  SLUICE_FILM: z.string().min(1).default('test/demo-source/film.mp4'),
  SLUICE_ALLOWED_CIDRS: z
    .string()
    .default('')
    .transform((list) => list.split(',').flatMap((cidr) => (cidr.trim() === '' ? [] : [cidr.trim()]))),
  SLUICE_LOGS: z.enum(['programs', 'all']).default('programs'),
  PATH: z.string().default('/usr/bin:/bin'),
});

/**
 * The settings of the standalone mode; null where the command line does not ask for it.
 * @param args without the program
 * @throws SluiceError CONFIG_INVALID naming every option and variable that is wrong
 */
export function readStandaloneSettings(
  environment: Readonly<Record<string, string | undefined>>,
  args: readonly string[],
): StandaloneSettings | null {
  if (!args.some((arg) => /^--standalone(=|$)/.test(arg))) return null;
  try {
    const { standalone } = parseArgs({ args: [...args], options: { standalone: { type: 'string' } } }).values;
    const values = schema.parse({ ...environment, standalone });
    return {
      input: values.standalone,
      pagePort: values.SLUICE_PORT,
      programs: {
        bundles: resolve(values.SLUICE_PROGRAMS),
        demoSource: resolve(values.SLUICE_DEMO_SOURCE),
        film: resolve(values.SLUICE_FILM),
      },
      path: values.PATH,
      allowedCidrs: values.SLUICE_ALLOWED_CIDRS,
      allLogs: values.SLUICE_LOGS === 'all',
    };
  } catch (cause) {
    const faults = cause instanceof z.ZodError ? cause.issues : [];
    const texts = faults.map(({ path, message }) => `${path.join('.')}: ${message}`);
    const message = `${texts.join('; ') || messageOf(cause)}; see --help`;
    throw new SluiceError(message, { code: 'CONFIG_INVALID', retryable: false, cause });
  }
}
