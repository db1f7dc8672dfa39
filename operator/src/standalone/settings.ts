import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { z } from 'zod';

const path = z.string().min(1);
const port = z.coerce.number().int().min(1).max(65_535);
const logs = z.enum(['programs', 'all']);

/** What is read of the environment, as `--help` tells it. */
const VARIABLES = {
  SLUICE_PORT: port.default(8080).describe("port of the viewers' page on 127.0.0.1, default 8080"),
  SLUICE_PROGRAMS: path.default('dist').describe('folder of the programs that npm run build makes, default dist'),
  SLUICE_DEMO_SOURCE: path
    .default('test/demo-source')
    .describe("folder with the demo source's serve.sh and nginx.conf"),
  SLUICE_FILM: path.default('test/demo-source/film.mp4').describe('film that the demo source plays'),
  SLUICE_ALLOWED_CIDRS: z.string().default('').describe('networks of sources that are not public, besides 127.0.0.0/8'),
  SLUICE_LOGS: logs.default('programs').describe('programs: what programs say (default); all: requests too'),
};

/** What `--help` prints. */
export const HELP = `The operator of Sluice.

usage: operator [--feature-gates NAME=true,...]
       operator --standalone FILE-OR-FOLDER

The first form works in Kubernetes, with settings from the environment (docs/operations.md). The second one needs no
Kubernetes: operator, edges and transcodes run as processes of this machine (Linux; docs/standalone.md).

  --standalone PATH  YAML files with Channels, and with Secrets, Deployments and Services that they need; read again
                     when they change. A file that is wrong is refused, and what it held before goes on.

environment:
${Object.entries(VARIABLES)
  .map(([name, { description }]) => `  ${name.padEnd(22)}${description}\n`)
  .join('')}`;

const schema = z
  .object({ standalone: path, PATH: z.string().default('/usr/bin:/bin'), ...VARIABLES })
  .transform((values) => ({
    /** File or folder with manifests. */
    input: values.standalone,
    pagePort: values.SLUICE_PORT,
    programs: {
      bundles: resolve(values.SLUICE_PROGRAMS),
      demoSource: resolve(values.SLUICE_DEMO_SOURCE),
      film: resolve(values.SLUICE_FILM),
    },
    /** PATH that programs are looked for in. */
    path: values.PATH,
    /** Those of this run, of others beside it, and what the environment names. */
    allowedCidrs: ['127.0.0.0/8', ...values.SLUICE_ALLOWED_CIDRS.split(',').flatMap((cidr) => cidr.trim() || [])],
    allLogs: values.SLUICE_LOGS === 'all',
  }));

/** What the standalone mode is told from outside. */
export type StandaloneSettings = Readonly<z.infer<typeof schema>>;

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
    return schema.parse({ ...environment, standalone });
  } catch (cause) {
    const faults = cause instanceof z.ZodError ? cause.issues : [];
    const texts = faults.map(({ path, message }) => `${path.join('.')}: ${message}`);
    const message = `${texts.join('; ') || messageOf(cause)}; see --help`;
    throw new SluiceError(message, { code: 'CONFIG_INVALID', retryable: false, cause });
  }
}
