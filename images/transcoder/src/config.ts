import { readFileSync } from 'node:fs';
import { isIP, isIPv6 } from 'node:net';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { LOG_LEVELS } from '@sluice/common/log/log.ts';
import type { Job } from '@sluice/common/work/contract.ts';
import { jobSchema } from '@sluice/common/work/contract.ts';
import { z } from 'zod';
import type { WarningThresholds } from './agent/resource-watch.ts';

/** What the agent is told by its pod. */
export interface Config {
  /** Base URL of the edges' internal port, without a slash at the end. */
  readonly edgeUrl: string;
  readonly sessionNamespace: string;
  readonly sessionName: string;
  /** Number of this pod among those of its session, from 1: 0 stands for the source's own bytes in segments' names. */
  readonly attempt: number;
  /** File with the session's token; read for each request, because Secrets change. */
  readonly tokenFile: string;
  readonly job: Job;
  readonly operationsPort: number;
  /** Address that the operations port listens on; null: every address. */
  readonly bindAddress: string | null;
  /** terminationGracePeriodSeconds of the pod. */
  readonly graceSeconds: number;
  /** FFmpeg: a name in PATH or a file. */
  readonly ffmpegPath: string;
  /** Time between SIGTERM and SIGKILL of an FFmpeg that has to end. */
  readonly forceKillMs: number;
  /** When an encoder that uses much is told of. */
  readonly warnings: WarningThresholds;
  readonly logLevel: string;
}

const jobText = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'is not JSON' });
    return z.NEVER;
  }
});

/** An empty variable is one that a template left out; `::` is what an edge calls every address. */
const bindAddress = z
  .string()
  .default('')
  .refine((text) => text === '' || isIP(text) !== 0, 'must be an IP address')
  .transform((text) => (text === '' || text === '::' ? null : text));

const environmentSchema = z.object({
  SLUICE_EDGE_URL: z.url({ protocol: /^https?$/ }),
  SLUICE_SESSION_NAMESPACE: z.string().min(1),
  SLUICE_SESSION_NAME: z.string().min(1),
  SLUICE_ATTEMPT: z.coerce.number().int().positive(),
  SLUICE_TOKEN_FILE: z.string().default('/etc/sluice/token/token'),
  SLUICE_JOB: jobText.pipe(jobSchema),
  SLUICE_OPERATIONS_PORT: z.coerce.number().int().min(0).max(65_535).default(9090),
  SLUICE_BIND_ADDRESS: bindAddress,
  SLUICE_GRACE_SECONDS: z.coerce.number().int().positive().default(60),
  SLUICE_FFMPEG: z.string().default('ffmpeg'),
  /** FFmpeg ends within two seconds of its input, then gets this long after SIGTERM: ten seconds of the grace period. */
  SLUICE_FORCE_KILL_SECONDS: z.coerce.number().min(0.1).max(8).default(5),
  SLUICE_WARNING_CPU_PERCENT: z.coerce.number().min(1).max(100).default(80),
  SLUICE_WARNING_AFTER_SECONDS: z.coerce.number().min(0).max(3600).default(30),
  /** By default four fifths of the pod's limit. */
  SLUICE_WARNING_MEMORY_MEGABYTES: z.coerce.number().min(1).max(1_000_000).optional(),
  SLUICE_LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
});

/** Environment as a program gets it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The agent's configuration; the one place where its environment is read.
 * @throws SluiceError CONFIG_INVALID that names every variable that is missing or wrong
 */
export function readConfig(environment: Environment): Config {
  const parsed = environmentSchema.safeParse(environment);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new SluiceError(`environment: ${problems.join('; ')}`, { code: 'CONFIG_INVALID', retryable: false });
  }
  const values = parsed.data;
  const megabytes = values.SLUICE_WARNING_MEMORY_MEGABYTES;
  return {
    edgeUrl: values.SLUICE_EDGE_URL.replace(/\/+$/, ''),
    sessionNamespace: values.SLUICE_SESSION_NAMESPACE,
    sessionName: values.SLUICE_SESSION_NAME,
    attempt: values.SLUICE_ATTEMPT,
    tokenFile: values.SLUICE_TOKEN_FILE,
    job: values.SLUICE_JOB,
    operationsPort: values.SLUICE_OPERATIONS_PORT,
    bindAddress: values.SLUICE_BIND_ADDRESS,
    graceSeconds: values.SLUICE_GRACE_SECONDS,
    ffmpegPath: values.SLUICE_FFMPEG,
    forceKillMs: values.SLUICE_FORCE_KILL_SECONDS * 1000,
    warnings: {
      cpuPercent: values.SLUICE_WARNING_CPU_PERCENT,
      afterMs: values.SLUICE_WARNING_AFTER_SECONDS * 1000,
      memoryBytes: megabytes === undefined ? null : megabytes * 1_000_000,
    },
    logLevel: values.SLUICE_LOG_LEVEL,
  };
}

/** Where the running agent listens, for `agent.js drain` in the same pod, and how long that may wait. */
export function readDrainConfig(environment: Environment): DrainConfig {
  const { SLUICE_OPERATIONS_PORT, SLUICE_BIND_ADDRESS, SLUICE_GRACE_SECONDS } = environmentSchema
    .pick({ SLUICE_OPERATIONS_PORT: true, SLUICE_BIND_ADDRESS: true, SLUICE_GRACE_SECONDS: true })
    .parse(environment);
  const address = SLUICE_BIND_ADDRESS ?? '127.0.0.1';
  const host = isIPv6(address) ? `[${address}]` : address;
  return { operationsUrl: `http://${host}:${SLUICE_OPERATIONS_PORT}`, graceSeconds: SLUICE_GRACE_SECONDS };
}

/** How `agent.js drain` finds the running agent. */
export interface DrainConfig {
  /** Without a slash at the end. */
  readonly operationsUrl: string;
  readonly graceSeconds: number;
}

/**
 * The session's token. Read from the file each time: Kubernetes replaces it when the Secret changes.
 * @throws SluiceError TOKEN_MISSING
 */
export function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const message = `SLUICE_TOKEN_FILE: ${file} cannot be read; it comes from the Secret of the StreamSession`;
    throw new SluiceError(message, { code: 'TOKEN_MISSING', retryable: true, cause });
  }
}
