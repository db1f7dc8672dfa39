import { availableParallelism, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@sluice/common/errors/error.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import { createLogger } from '@sluice/common/log/log.ts';
import { createMetrics } from '@sluice/common/metrics/metrics.ts';
import { request } from 'undici';
import { Agent } from './agent/agent.ts';
import { Drain } from './agent/drain.ts';
import { failedReport } from './agent/failed-report.ts';
import { FirstSegments } from './agent/first-segments.ts';
import { Incidents } from './agent/incidents.ts';
import { createAgentMetrics } from './agent/metrics.ts';
import type { Capacity } from './agent/resource-watch.ts';
import type { Config } from './config.ts';
import { readConfig, readDrainConfig, readToken } from './config.ts';
import type { EncoderChoice } from './ffmpeg/trial.ts';
import { chooseEncoder } from './ffmpeg/trial.ts';
import { serveOperations } from './operations/server.ts';
import { OwnerClient } from './owner/client.ts';

/** What the end of FFmpeg and of the connections may take of the pod's grace period, in seconds. */
const RESERVE_SECONDS = 10;

/**
 * The program of a transcode pod.
 *   agent.js         works until it is no longer needed; exit code 0, or 1 if it cannot do its work here
 *   agent.js drain   preStop hook: asks the agent in the same pod to drain, and waits for it
 */
async function main(): Promise<number> {
  return process.argv[2] === 'drain' ? askForDrain() : runAgent(readConfig(process.env));
}

async function runAgent(config: Config): Promise<number> {
  const fields = {
    session: `${config.sessionNamespace}/${config.sessionName}`,
    pod: `${config.sessionName}-${config.attempt}`,
  };
  const log = createLogger({ name: 'agent', level: config.logLevel, fields });
  const metrics = createMetrics();
  const agentMetrics = createAgentMetrics(metrics);
  const firstSegments = new FirstSegments(Date.now);
  const client = new OwnerClient({ ...config, token: () => readToken(config.tokenFile) });
  const limitMs = Math.max(0, config.graceSeconds - RESERVE_SECONDS) * 1000;
  let agent: Agent | null = null;
  const stopped = new AbortController();
  const drain = new Drain({ ask: () => client.drained(), now: Date.now, sleep, limitMs });
  const startDrain = async (): Promise<boolean> => {
    agent?.startDraining();
    return agent === null ? true : drain.start();
  };
  onSignals(log, startDrain, () => {
    stopped.abort();
    agent?.stop();
  });
  const server = await serveOperations(config.operationsPort, config.bindAddress, {
    isReady: () => agent !== null,
    metrics: () => metrics.text(),
    drain: startDrain,
  });
  try {
    const choice = await chooseOrReport(config, client);
    log.info(choice, 'encoder chosen');
    if (stopped.signal.aborted) return 0;
    agent = new Agent({
      ...config,
      client,
      choice,
      log,
      incidents: new Incidents(Date.now),
      firstSegments,
      capacity: capacity(),
      metrics: agentMetrics,
      now: Date.now,
      random: Math.random,
    });
    const outcome = await agent.run();
    log.info({ outcome }, 'ended');
    return outcome === 'failed' ? 1 : 0;
  } finally {
    await client.close();
    server.close();
    server.closeAllConnections();
  }
}

/** What this pod may use: Node knows the limits that the kubelet has set (cgroups). */
function capacity(): Capacity {
  const limit = process.constrainedMemory();
  return { cores: availableParallelism(), memoryBytes: limit > 0 && limit < totalmem() ? limit : null };
}

/** The encoder of this run; where none works the owner learns it before the pod ends. */
async function chooseOrReport(config: Config, client: OwnerClient): Promise<EncoderChoice> {
  try {
    return await chooseEncoder(config.ffmpegPath, config.job);
  } catch (error) {
    await client.report(failedReport(messageOf(error))).catch(() => undefined);
    throw error;
  }
}

/**
 * SIGTERM and SIGINT: first drain, unless preStop has done so, then stop. A second signal stops at once. Set up before
 * anything else: the kernel drops signals that the first process of a container does not listen for.
 */
function onSignals(log: Logger, drain: () => Promise<boolean>, stop: () => void): void {
  let signalled = false;
  const end = (signal: string): void => {
    if (signalled) stop();
    else void drain().finally(stop);
    signalled = true;
    log.info({ signal }, 'ending');
  };
  process.on('SIGTERM', end).on('SIGINT', end);
}

/** Exit code 1 where the agent refuses or is gone already; the pod ends either way, Kubernetes only tells of it. */
async function askForDrain(): Promise<number> {
  const { operationsUrl, graceSeconds } = readDrainConfig(process.env);
  const timeout = graceSeconds * 1000;
  const answer = await request(`${operationsUrl}/drain`, {
    method: 'POST',
    headersTimeout: timeout,
    bodyTimeout: timeout,
  });
  process.stdout.write(await answer.body.text());
  return answer.statusCode === 200 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
