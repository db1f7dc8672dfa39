import { hostname } from 'node:os';
import { messageOf } from '@sluice/common/errors/error.ts';
import { createLogger } from '@sluice/common/log/log.ts';
import { createMetrics } from '@sluice/common/metrics/metrics.ts';
import { printable, readConfig } from './config.ts';
import { ensureLinkIdentity } from './keys/bootstrap.ts';
import { Operator } from './operator.ts';
import { connect } from './runtime/client/connection.ts';
import { createHttpClient } from './runtime/client/http-client.ts';
import { startHealthServer } from './runtime/health/server.ts';

/** Starts the operator; resolves when it runs and ends the process on SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger({ name: 'operator', level: config.logLevel });
  log.info({ config: printable(config) }, 'the operator starts');
  const metrics = createMetrics();
  const calls = metrics.counter('rest_client_requests_total', 'Calls to the API server', ['method', 'code', 'host']);
  const client = createHttpClient({
    connection: connect(config.kubeconfig),
    observer: { onCall: (method, code, host) => calls.inc({ method, code, host }) },
  });
  let running: Operator | null = null;
  const checks = {
    live: () => running?.live() ?? null,
    ready: () => (running === null ? 'the keys of the link are not read yet' : running.ready()),
  };
  const health = await startHealthServer(config.operationsPort, checks, metrics);
  const secrets = { namespace: config.namespace, edge: config.linkSecret, operator: config.linkOperatorSecret };
  const operator = new Operator({
    client,
    identity: await ensureLinkIdentity(client, secrets, Date.now),
    edges: { namespace: config.namespace, service: config.edgeService },
    publicUrl: config.publicUrl,
    pod: {
      image: config.transcoderImage,
      pullPolicy: config.transcoderPullPolicy,
      edgeUrl: config.edgeInternalUrl,
    },
    limits: config.limits,
    instance: hostname(),
    log,
    metrics,
    now: Date.now,
  });
  running = operator;
  const stop = async (signal: string): Promise<void> => {
    log.info({ signal }, 'the operator stops');
    await operator.stop();
    await Promise.all([health.close(), client.close()]);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stop(signal).catch((error: unknown) => {
        log.error({ err: error }, 'the operator could not stop in order');
        process.exitCode = 1;
      });
    });
  }
  await operator.start();
  log.info('the operator runs');
}

main().catch((error: unknown) => {
  process.stderr.write(`The operator cannot start: ${messageOf(error)}\n`);
  process.exit(1);
});
