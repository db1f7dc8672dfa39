import { parseArgs } from 'node:util';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { z } from 'zod';
import { FEATURES, type OperatorFeatures } from './features.ts';
import { parseFeatureGates } from './runtime/features/feature-gates.ts';
import type { SessionLimits } from './session/admission/admit.ts';

const port = z.coerce.number().int().min(1).max(65_535);
const url = z.url({ protocol: /^https?$/ });

/** A pod's number in a namespace does not go beyond this on any cluster (Kubernetes, "Considerations for large clusters"). */
const places = z.coerce.number().int().min(1).max(150_000);

/** Other names of variables, as platforms that ran streams before may have them set; our own names go first. */
const ALIASES: Readonly<Record<string, string>> = {
  SLUICE_MAX_SESSIONS_PER_OWNER: 'MAX_CONCURRENT_STREAMS_PER_USER',
  SLUICE_MAX_SESSIONS: 'MAX_CONCURRENT_STREAMS_GLOBAL',
};

const environmentSchema = z.object({
  /** Namespace of the operator and the edges. */
  SLUICE_NAMESPACE: z.string().min(1),
  /** Internal Service of the edges; its EndpointSlices say which edges there are. */
  SLUICE_EDGE_SERVICE: z.string().min(1),
  /** Where transcode pods reach the edges. */
  SLUICE_EDGE_INTERNAL_URL: url,
  SLUICE_LINK_SECRET: z.string().min(1),
  SLUICE_LINK_OPERATOR_SECRET: z.string().min(1),
  /** Base of `status.url`; empty: the status names only the path. */
  SLUICE_PUBLIC_URL: z.union([z.literal(''), url]).default(''),
  SLUICE_TRANSCODER_IMAGE: z.string().min(1),
  SLUICE_TRANSCODER_PULL_POLICY: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  /** Running StreamSessions of one owner. */
  SLUICE_MAX_SESSIONS_PER_OWNER: places.default(5),
  /** Running StreamSessions of all owners together. */
  SLUICE_MAX_SESSIONS: places.default(20),
  /** Lease in the operator's namespace by which one of several operators is elected. */
  SLUICE_LEASE: z.string().min(1).default('sluice-operator'),
  /** As `--feature-gates`, which goes before it. */
  SLUICE_FEATURE_GATES: z.string().default(''),
  SLUICE_OPERATIONS_PORT: port.default(9090),
  /** Address that the operations port listens on; empty or `::`: every address. */
  SLUICE_BIND_ADDRESS: z.union([z.literal(''), z.ipv4(), z.ipv6()]).default(''),
  SLUICE_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  /** Path of a kubeconfig; empty: the pod's service account. */
  KUBECONFIG: z.string().default(''),
});

/** What the operator is told from outside. */
export interface OperatorConfig {
  readonly namespace: string;
  readonly edgeService: string;
  readonly edgeInternalUrl: string;
  readonly linkSecret: string;
  readonly linkOperatorSecret: string;
  readonly publicUrl: string;
  readonly transcoderImage: string;
  readonly transcoderPullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  readonly limits: SessionLimits;
  /** Name of the Lease by which one of several operators is elected. */
  readonly lease: string;
  readonly features: OperatorFeatures;
  readonly operationsPort: number;
  /** Empty: every address. */
  readonly bindAddress: string;
  readonly logLevel: string;
  /** Empty: in-cluster configuration. */
  readonly kubeconfig: string;
}

/**
 * Reads the configuration out of environment variables and the command line. This is the only module of the operator
 * that knows them.
 * @param args without the program: `--feature-gates=NAME=true,...`
 * @throws SluiceError CONFIG_INVALID naming every variable that is missing or wrong; FEATURE_GATE_INVALID
 */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  args: readonly string[] = [],
): OperatorConfig {
  const featureGates = readArguments(args)['feature-gates'];
  const parsed = environmentSchema.safeParse(withAliases(environment));
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new SluiceError(`Environment variables are missing or wrong: ${faults.join('; ')}`, {
      code: 'CONFIG_INVALID',
      retryable: false,
    });
  }
  const values = parsed.data;
  return {
    namespace: values.SLUICE_NAMESPACE,
    edgeService: values.SLUICE_EDGE_SERVICE,
    edgeInternalUrl: withoutSlash(values.SLUICE_EDGE_INTERNAL_URL),
    linkSecret: values.SLUICE_LINK_SECRET,
    linkOperatorSecret: values.SLUICE_LINK_OPERATOR_SECRET,
    publicUrl: withoutSlash(values.SLUICE_PUBLIC_URL),
    transcoderImage: values.SLUICE_TRANSCODER_IMAGE,
    transcoderPullPolicy: values.SLUICE_TRANSCODER_PULL_POLICY,
    limits: { perOwner: values.SLUICE_MAX_SESSIONS_PER_OWNER, total: values.SLUICE_MAX_SESSIONS },
    lease: values.SLUICE_LEASE,
    features: parseFeatureGates(FEATURES, featureGates ?? values.SLUICE_FEATURE_GATES),
    operationsPort: values.SLUICE_OPERATIONS_PORT,
    bindAddress: values.SLUICE_BIND_ADDRESS === '::' ? '' : values.SLUICE_BIND_ADDRESS,
    logLevel: values.SLUICE_LOG_LEVEL,
    kubeconfig: values.KUBECONFIG,
  };
}

/** @throws SluiceError CONFIG_INVALID for an option that does not exist */
function readArguments(args: readonly string[]): { readonly 'feature-gates'?: string } {
  try {
    return parseArgs({ args: [...args], options: { 'feature-gates': { type: 'string' } } }).values;
  } catch (cause) {
    throw new SluiceError(messageOf(cause), { code: 'CONFIG_INVALID', retryable: false, cause });
  }
}

function withAliases(environment: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  const values = { ...environment };
  for (const [name, alias] of Object.entries(ALIASES)) values[name] ??= environment[alias];
  return values;
}

/** The configuration as it may be printed: a password in a URL is masked, secrets are named but never read here. */
export function printable(config: OperatorConfig): Readonly<Record<string, unknown>> {
  return { ...config, edgeInternalUrl: redacted(config.edgeInternalUrl), publicUrl: redacted(config.publicUrl) };
}

function redacted(text: string): string {
  return text.replace(/\/\/[^/@]*@/, '//***@');
}

function withoutSlash(text: string): string {
  return text.replace(/\/+$/, '');
}
