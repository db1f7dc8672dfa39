import { hostname } from 'node:os';
import { messageOf } from '@sluice/common/errors/error.ts';
import { createLogger, type Logger } from '@sluice/common/log/log.ts';
import { createMetrics, type Metrics } from '@sluice/common/metrics/metrics.ts';
import { type OperatorConfig, printable, readConfig } from './config.ts';
import { createElection } from './election.ts';
import { FEATURES } from './features.ts';
import { ensureLinkIdentity } from './keys/bootstrap.ts';
import { Operator } from './operator.ts';
import type { Client } from './runtime/client/client.ts';
import { connect } from './runtime/client/connection.ts';
import { createHttpClient } from './runtime/client/http-client.ts';
import { createClientMetrics } from './runtime/client/metrics.ts';
import { untilAnswered } from './runtime/client/patience.ts';
import { createFeatureMetrics } from './runtime/features/feature-gates.ts';
import { type HealthChecks, startHealthServer } from './runtime/health/server.ts';
import type { Elector } from './runtime/lease/elector.ts';
import { steadyClock } from './runtime/queue/steady-clock.ts';
import { HELP, readStandaloneSettings, type StandaloneSettings } from './standalone/settings.ts';
import { createTerminal } from './standalone/terminal.ts';

/** Calls for the lease end in this time, so that there are two attempts before a leader has to give up (10 s). */
const LEASE_CALL_SECONDS = 4;

/** Starts the operator; resolves when it follows the cluster. It leads as soon as it holds the lease. */
async function main(): Promise<void> {
  const config = readConfig(process.env, process.argv.slice(2));
  const log = createLogger({ name: 'operator', level: config.logLevel, fields: { pod: hostname() } });
  log.info({ config: printable(config) }, 'the operator starts');
  const metrics = createMetrics();
  createFeatureMetrics(metrics.registry, FEATURES, config.features);
  const connection = connect(config.kubeconfig);
  const observer = createClientMetrics(metrics.registry, connection.server);
  const client = createHttpClient({ connection, observer });
  const leaseClient = createHttpClient({ connection, observer, callTimeoutSeconds: LEASE_CALL_SECONDS });
  const checks: { now: HealthChecks } = {
    now: { live: () => null, ready: () => 'the keys of the link are not read yet' },
  };
  const health = await startHealthServer(
    config.operationsPort,
    { live: () => checks.now.live(), ready: () => checks.now.ready(), page: (path) => checks.now.page?.(path) },
    metrics.registry,
    config.bindAddress || undefined,
  );
  // As the first process of a container Node would not end by a signal that nobody handles.
  const ending: { now: () => Promise<void> } = { now: async () => process.exit(0) };
  onSignal(log, () => ending.now());
  const operator = await createOperator(config, client, log, metrics);
  const elector = createElector(config, operator, leaseClient, log, metrics);
  const pages = config.features.DebugPages ? operator.debugPages() : {};
  checks.now = {
    live: () => elector.fault() ?? operator.live(),
    ready: () => operator.ready(),
    page: (path) => pages[path]?.(),
  };
  ending.now = async () => {
    await operator.stop();
    await elector.stop(); // the last that a leader does: from here on another one leads
    await Promise.all([health.close(), client.close(), leaseClient.close()]);
  };
  await operator.start();
  log.info('the operator follows the cluster');
  elector.start();
}

/** A leader that must not lead any more ends at once: whatever it still did could be against its successor. */
function createElector(
  config: OperatorConfig,
  operator: Operator,
  client: Client,
  log: Logger,
  metrics: Metrics,
): Elector {
  const end = (what: string) => (reason: unknown) => {
    log.fatal({ reason: messageOf(reason) }, what);
    process.exit(1);
  };
  return createElection(operator, {
    client,
    lease: { namespace: config.namespace, name: config.lease },
    instance: hostname(),
    features: config.features,
    log,
    metrics,
    onLost: end('this operator no longer leads'),
    onFailed: end('this operator cannot take over'),
  });
}

async function createOperator(
  config: OperatorConfig,
  client: Client,
  log: Logger,
  metrics: Metrics,
): Promise<Operator> {
  const secrets = { namespace: config.namespace, edge: config.linkSecret, operator: config.linkOperatorSecret };
  const identity = await untilAnswered(
    () => ensureLinkIdentity(client, secrets, Date.now),
    (trouble) => log.warn({ trouble }, 'the keys of the link cannot be read yet'),
  );
  return new Operator({
    client,
    identity,
    edges: { namespace: config.namespace, service: config.edgeService },
    publicUrl: config.publicUrl,
    pod: {
      image: config.transcoderImage,
      pullPolicy: config.transcoderPullPolicy,
      edgeUrl: config.edgeInternalUrl,
      agentEnvironment: config.agentEnvironment,
      encoders: config.encoders,
    },
    limits: config.limits,
    edgeScale: config.edgeScale,
    priorities: config.features.PriorityQueue,
    instance: hostname(),
    log,
    metrics,
    now: steadyClock(),
  });
}

/** Ends the process in order on SIGTERM or SIGINT. */
function onSignal(log: Logger, stop: () => Promise<void>): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'the operator stops');
      stop().then(
        () => log.info('the operator has stopped'),
        (error: unknown) => {
          log.error({ err: error }, 'the operator could not stop in order');
          process.exitCode = 1;
        },
      );
    });
  }
}

/** The same program without Kubernetes: its API, kubelet and controllers run in this process. */
async function mainStandalone(settings: StandaloneSettings): Promise<void> {
  const { startStandalone } = await import('./standalone/start.ts');
  const run = await startStandalone(settings, createTerminal(process.stdout));
  onSignal(createLogger({ name: 'operator', level: 'error' }), () => run.stop());
}

async function start(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) process.stdout.write(HELP);
  else {
    const settings = readStandaloneSettings(process.env, args);
    await (settings === null ? main() : mainStandalone(settings));
  }
}

start(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`The operator cannot start: ${messageOf(error)}\n`);
  process.exit(1);
});
