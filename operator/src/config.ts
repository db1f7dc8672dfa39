import { parseArgs } from 'node:util';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { z } from 'zod';
import { EDGE_SCALE_VARIABLES, type EdgeScaleSettings, edgeScaleSettings } from './edge-scale/settings.ts';
import { withAliases } from './environment-aliases.ts';
import { FEATURES, type OperatorFeatures } from './features.ts';
import { parseFeatureGates } from './runtime/features/feature-gates.ts';
import type { SessionLimits } from './session/admission/admit.ts';
import type { EncoderPolicy } from './session/build/encoders.ts';

const port = z.coerce.number().int().min(1).max(65_535);
const url = z.url({ protocol: /^https?$/ });

/** A pod's number in a namespace does not go beyond this on any cluster (Kubernetes, "Considerations for large clusters"). */
const places = z.coerce.number().int().min(1).max(150_000);

/** A number that goes on to the agents as it is; theirs is the default. */
const agentNumber = (least: number, most: number) => z.coerce.number().min(least).max(most).optional();
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

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
  ...EDGE_SCALE_VARIABLES,
  /** Running StreamSessions of one owner. */
  SLUICE_MAX_SESSIONS_PER_OWNER: places.default(5),
  /** Running StreamSessions of all owners together. */
  SLUICE_MAX_SESSIONS: places.default(20),
  /** Percent of the cores that a transcode pod may use from which on it is told that its encoder is busy. */
  SLUICE_WARNING_CPU_PERCENT: agentNumber(1, 100),
  /** For so long. */
  SLUICE_WARNING_AFTER_SECONDS: agentNumber(0, 3600),
  /** Memory of an encoder from which on it is told; without it four fifths of the pod's limit. */
  SLUICE_WARNING_MEMORY_MEGABYTES: agentNumber(1, 1_000_000),
  /** Time between SIGTERM and SIGKILL of an FFmpeg that has to end; it has to fit into the pod's grace period. */
  SLUICE_FORCE_KILL_SECONDS: agentNumber(0.1, 8),
  SLUICE_PREFER_HARDWARE: flag.default(true),
  SLUICE_HARDWARE_FALLBACK: flag.default(true),
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
  /** What goes on to the agents in transcode pods, by the name of its variable. */
  readonly agentEnvironment: Readonly<Record<string, string>>;
  readonly encoders: EncoderPolicy;
  /** Of the number of edge pods; null: it is somebody else's. */
  readonly edgeScale: EdgeScaleSettings | null;
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
  const read = withAliases(environment);
  const parsed = environmentSchema.safeParse(read.values);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${read.nameOf(issue.path.join('.'))}: ${issue.message}`);
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
    agentEnvironment: agentEnvironmentOf(values),
    encoders: { preferHardware: values.SLUICE_PREFER_HARDWARE, hardwareFallback: values.SLUICE_HARDWARE_FALLBACK },
    edgeScale: edgeScaleSettings(values),
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

/** Variables of the agent that the operator passes on where they are set, under the same names. */
const AGENT_VARIABLES = [
  'SLUICE_WARNING_CPU_PERCENT',
  'SLUICE_WARNING_AFTER_SECONDS',
  'SLUICE_WARNING_MEMORY_MEGABYTES',
  'SLUICE_FORCE_KILL_SECONDS',
] as const;

function agentEnvironmentOf(values: z.infer<typeof environmentSchema>): Readonly<Record<string, string>> {
  const set = AGENT_VARIABLES.flatMap((name) => (values[name] === undefined ? [] : [[name, String(values[name])]]));
  return Object.fromEntries(set) as Record<string, string>;
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
