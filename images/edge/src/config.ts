import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { LOG_LEVELS } from '@sluice/common/log/log.ts';
import { quantityOf } from '@sluice/common/quantity/quantity.ts';
import { z } from 'zod';
import { readOpenFilesLimit } from './open-files.ts';

/** More nginx workers than this serve no edge better: its limit is the network, and each costs memory. */
const MAX_NGINX_WORKERS = 4;

const port = z.coerce.number().int().min(1).max(65535);
const directory = z.string().startsWith('/', 'must be an absolute path');
const byteQuantity = z
  .string()
  .regex(/^\d+(\.\d+)?(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/, 'must be a number of bytes such as 10Gi or 500M')
  .transform((text) => Math.floor(quantityOf(text)))
  .pipe(z.number().int().positive('must be more than nothing'));

/**
 * Part of the media volume for segments: the rest is for timelines, half files, folders, and what nginx still holds open.
 * The kubelet evicts a pod that exceeds the volume's sizeLimit by a byte.
 */
const SEGMENTS_PART = 0.9;

const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

function isCidr(text: string): boolean {
  const [address = '', prefix = '', ...rest] = text.split('/');
  const bits = isIP(address) === 4 ? 32 : 128;
  return isIP(address) !== 0 && rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits;
}

const cidrList = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  )
  .pipe(z.array(z.string().refine(isCidr, 'must be a comma list of CIDRs such as 10.0.0.0/8,fd00::/8')));

const environmentSchema = z.object({
  SLUICE_POD_NAME: z.string().min(1),
  SLUICE_POD_UID: z.string().min(1),
  SLUICE_POD_IP: z.string().refine((text) => isIP(text) !== 0, 'must be an IP address'),
  SLUICE_BIND_ADDRESS: z
    .string()
    .refine((text) => isIP(text) !== 0, 'must be an IP address')
    .default('::'),
  SLUICE_HTTP_PORT: port.default(8080),
  SLUICE_INTERNAL_PORT: port.default(8081),
  SLUICE_LINK_PORT: port.default(8443),
  SLUICE_OPERATIONS_PORT: port.default(9090),
  SLUICE_RUN_DIRECTORY: directory.default('/run/sluice'),
  SLUICE_MEDIA_DIRECTORY: directory.default('/var/lib/sluice/media'),
  SLUICE_MEDIA_SIZE_LIMIT: byteQuantity.default(10 * 2 ** 30),
  SLUICE_LINK_DIRECTORY: directory.default('/etc/sluice/link'),
  SLUICE_PAGE_DIRECTORY: directory.default('/app/page'),
  SLUICE_ALLOWED_CIDRS: cidrList.default([]),
  SLUICE_LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  SLUICE_ACCESS_LOG: flag.default(false),
  SLUICE_NGINX_WORKERS: z.coerce.number().int().min(1).max(64).optional(),
});

/** Where the sidecar of this pod listens, for the preStop hook of another container. */
export interface LeaveConfig {
  /** Empty where the sidecar listens on every address. */
  readonly bindAddress: string;
  readonly operationsPort: number;
}

/** Everything that an edge is told from outside, apart from its key files. Holds no secret. */
export interface EdgeConfig {
  readonly podName: string;
  readonly podUid: string;
  readonly podIp: string;
  /** Address that all ports listen on; `::` takes IPv4 as well where the node has IPv6, and means 0.0.0.0 elsewhere. */
  readonly bindAddress: string;
  /** nginx, public. */
  readonly httpPort: number;
  /** Agents, and the other edges; no Ingress reaches it. */
  readonly internalPort: number;
  /** The operator's WebSocket over TLS. */
  readonly linkPort: number;
  /** Probes and metrics. */
  readonly operationsPort: number;
  /** Socket, nginx.conf, stored routes, temporary files; emptyDir shared with nginx. */
  readonly runDirectory: string;
  /** Segments, below `live/`; emptyDir shared with nginx. */
  readonly mediaDirectory: string;
  /** Bytes that segments may take there. */
  readonly mediaBytes: number;
  /** `tls.crt`, `tls.key`, `operator.pub`, `session.key`. */
  readonly linkDirectory: string;
  /** `index.html` and the assets of the watch page. */
  readonly pageDirectory: string;
  /** Networks that sources may be in although they are not public. */
  readonly allowedCidrs: readonly string[];
  readonly logLevel: string;
  /** Whether nginx writes a line per request to stdout. */
  readonly accessLog: boolean;
  readonly nginxWorkers: number;
  /** How many files a process here may have open at most; null: as many as it likes, or not known. */
  readonly openFilesLimit: number | null;
}

/** Reads what `sidecar.js leave` needs. Throws for a port that is none. */
export function readLeaveConfig({
  SLUICE_BIND_ADDRESS: bindAddress = '',
  SLUICE_OPERATIONS_PORT,
}: Readonly<Record<string, string | undefined>>): LeaveConfig {
  const operationsPort = environmentSchema.shape.SLUICE_OPERATIONS_PORT.parse(SLUICE_OPERATIONS_PORT || undefined);
  return { bindAddress, operationsPort };
}

/**
 * Reads the edge's configuration: the one place where the sidecar looks at its environment.
 * @param openFilesLimit tells what the system allows, and is asked once
 * @throws SluiceError `CONFIG_INVALID` that names every wrong variable and what it must be
 */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  openFilesLimit: () => number | null = readOpenFilesLimit,
): EdgeConfig {
  // An empty variable is one that a template left out.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => {
      const name = String(path[0]);
      return given[name] === undefined ? `${name} is missing` : `${name}: ${message}`;
    });
    throw new SluiceError(`The environment is wrong: ${problems.join('; ')}`, {
      code: 'CONFIG_INVALID',
      retryable: false,
    });
  }
  const values = parsed.data;
  return {
    podName: values.SLUICE_POD_NAME,
    podUid: values.SLUICE_POD_UID,
    podIp: values.SLUICE_POD_IP,
    bindAddress: values.SLUICE_BIND_ADDRESS,
    httpPort: values.SLUICE_HTTP_PORT,
    internalPort: values.SLUICE_INTERNAL_PORT,
    linkPort: values.SLUICE_LINK_PORT,
    operationsPort: values.SLUICE_OPERATIONS_PORT,
    runDirectory: values.SLUICE_RUN_DIRECTORY,
    mediaDirectory: values.SLUICE_MEDIA_DIRECTORY,
    mediaBytes: Math.floor(SEGMENTS_PART * values.SLUICE_MEDIA_SIZE_LIMIT),
    linkDirectory: values.SLUICE_LINK_DIRECTORY,
    pageDirectory: values.SLUICE_PAGE_DIRECTORY,
    allowedCidrs: values.SLUICE_ALLOWED_CIDRS,
    logLevel: values.SLUICE_LOG_LEVEL,
    accessLog: values.SLUICE_ACCESS_LOG,
    nginxWorkers: values.SLUICE_NGINX_WORKERS ?? Math.min(MAX_NGINX_WORKERS, availableParallelism()),
    openFilesLimit: openFilesLimit(),
  };
}
