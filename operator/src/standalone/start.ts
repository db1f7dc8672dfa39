import { hostname } from 'node:os';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { createLogger } from '@sluice/common/log/log.ts';
import { createMetrics } from '@sluice/common/metrics/metrics.ts';
import { ensureLinkIdentity } from '../keys/bootstrap.ts';
import { Operator } from '../operator.ts';
import type { Client } from '../runtime/client/client.ts';
import { startHealthServer } from '../runtime/health/server.ts';
import { startMemoryApiServer } from '../runtime/memory/api-server.ts';
import { createMemoryClient } from '../runtime/memory/client.ts';
import type { JsonObject } from '../runtime/memory/fields.ts';
import type { ObjectStore } from '../runtime/memory/object-store.ts';
import { apiVersionOf } from '../runtime/memory/served-kind.ts';
import { steadyClock } from '../runtime/queue/steady-clock.ts';
import { admission } from './admission.ts';
import { createStandaloneStore } from './api/store.ts';
import { startControllers } from './controllers/controllers.ts';
import { FolderInput } from './input/folder-input.ts';
import { followInput } from './input/follow.ts';
import { printInput } from './input/print-input.ts';
import { createLogPrinter } from './kubelet/log-printer.ts';
import { type MachineRoom, startMachineRoom } from './machine-room.ts';
import { type LoopbackNetwork, takeNetwork } from './network/network.ts';
import { podLog } from './pod-log.ts';
import { EDGE_INTERNAL_NAME, edgeManifests, LINK_SECRET, SYSTEM_NAMESPACE } from './programs/edge-manifests.ts';
import { LOCAL_TAG } from './programs/local-images.ts';
import type { StandaloneSettings } from './settings.ts';
import { followChannels } from './terminal/follow-channels.ts';
import type { Terminal } from './terminal/terminal.ts';

/** A run of everything on this machine. */
export interface StandaloneRun {
  /** Ends every process, file and port of the run. */
  stop(): Promise<void>;
}

/** Whom the operator proves itself to the edges with; its own half of the key. */
const OPERATOR_SECRET = 'sluice-link-operator';
/** Sources of this run, and of others beside it. */
const THIS_MACHINE = '127.0.0.0/8';
/** As in the operator's pod. */
const OPERATIONS_PORT = 9090;
/** The chart's limit of all; there is only one owner. */
const SESSION_LIMITS = { perOwner: 20, total: 20 };

/** What has been started so far, ended in the opposite order. */
class Started {
  readonly #ends: (() => Promise<void> | void)[] = [];

  add<T>(thing: T, end: (thing: T) => Promise<void> | void): T {
    this.#ends.push(() => end(thing));
    return thing;
  }

  /** Ends all, also what comes after a part that cannot be ended. @throws AggregateError */
  async stop(): Promise<void> {
    const errors: unknown[] = [];
    for (let end = this.#ends.pop(); end !== undefined; end = this.#ends.pop()) {
      await Promise.resolve()
        .then(end)
        .catch((error: unknown) => errors.push(error));
    }
    if (errors.length > 0) throw new AggregateError(errors, errors.map(messageOf).join('; '));
  }
}

/**
 * Starts operator, API, controllers, kubelet and input on this machine. What has been started is ended again where a
 * later part cannot start.
 * @throws SluiceError INPUT_UNREADABLE, PORT_IN_USE, NETWORK_MISSING and what else the parts throw
 */
export async function startStandalone(settings: StandaloneSettings, terminal: Terminal): Promise<StandaloneRun> {
  const started = new Started();
  try {
    await startParts(settings, terminal, started);
  } catch (error) {
    await started.stop();
    throw error;
  }
  return { stop: () => started.stop() };
}

async function startParts(settings: StandaloneSettings, terminal: Terminal, started: Started): Promise<void> {
  const { colour } = terminal;
  const write = (line: string) => terminal.write(line);
  started.add(terminal, (ended) => ended.end());
  const print = createLogPrinter(write, { colour, all: settings.allLogs });
  const note = (text: string) => print({ pod: 'standalone', container: '', text, isNote: true });
  const network = started.add(await takeNetwork(), (taken) => taken.close());
  const store = createStandaloneStore({ now: Date.now, admit: admission(network) });
  const client = started.add(createMemoryClient(store), (made) => made.close());
  const input = new FolderInput(settings.input, store, printInput(write, colour));
  await input.read();
  started.add(startControllers({ store, now: Date.now, onTrouble: note }), (running) => running.stop());
  const { pagePort, programs, path, allLogs } = settings;
  const logs = { colour, all: allLogs };
  const room = await startMachineRoom({ client, network, programs, pagePort, path, write, logs });
  started.add(room, (running) => running.stop());
  await startApi(settings.apiPort, store, room, started, write);
  const operator = await startOperator(settings, client, network, started, (text) =>
    print({ pod: 'operator', container: '', text, isNote: false }),
  );
  for (const manifest of edgeManifests([THIS_MACHINE, ...settings.allowedCidrs])) {
    applyManifest(store, manifest as unknown as JsonObject);
  }
  started.add(followInput({ path: settings.input, input, onTrouble: write }), (following) => following.stop());
  started.add(followChannels({ client, terminal, now: Date.now }), (lines) => lines.stop());
  await operator.lead(Math.floor(Date.now() / 1000));
}

async function startApi(
  port: number,
  store: ObjectStore,
  room: MachineRoom,
  started: Started,
  write: Terminal['write'],
): Promise<void> {
  if (port === 0) return;
  const subresources = { 'pods/log': podLog(room) };
  try {
    const api = await startMemoryApiServer(store, { address: '127.0.0.1', port, subresources });
    started.add(api, (server) => server.close());
    write(`Kubernetes API  ${api.url}`);
  } catch (cause) {
    const message = `port ${port} cannot be used for the API: choose another one with --api-port`;
    throw new SluiceError(message, { code: 'PORT_IN_USE', retryable: false, cause });
  }
}

/** @returns the operator as a standby: its caches are filled */
async function startOperator(
  { pagePort, allLogs }: StandaloneSettings,
  client: Client,
  network: LoopbackNetwork,
  started: Started,
  print: (line: string) => void,
): Promise<Operator> {
  const level = allLogs ? 'debug' : 'info';
  const log = createLogger({ name: 'operator', level }, { write: (line) => print(line.trimEnd()) });
  const metrics = createMetrics();
  const secrets = { namespace: SYSTEM_NAMESPACE, edge: LINK_SECRET, operator: OPERATOR_SECRET };
  const edgeAddress = network.serviceAddress(SYSTEM_NAMESPACE, EDGE_INTERNAL_NAME);
  const operator = new Operator({
    client,
    identity: await ensureLinkIdentity(client, secrets, Date.now),
    edges: { namespace: SYSTEM_NAMESPACE, service: EDGE_INTERNAL_NAME },
    publicUrl: `http://127.0.0.1:${pagePort}`,
    pod: { image: `sluice/transcoder:${LOCAL_TAG}`, pullPolicy: 'Never', edgeUrl: `http://${edgeAddress}:8081` },
    limits: SESSION_LIMITS,
    instance: hostname(),
    log,
    metrics,
    now: steadyClock(),
  });
  started.add(operator, (running) => running.stop());
  const checks = { live: () => operator.live(), ready: () => operator.ready() };
  const address = network.takePodAddress();
  started.add(await startHealthServer(OPERATIONS_PORT, checks, metrics.registry, address), (server) => server.close());
  log.info({ metrics: `http://${address}:${OPERATIONS_PORT}/metrics` }, 'the operator starts');
  await operator.start();
  return operator;
}

function applyManifest(store: ObjectStore, manifest: JsonObject): void {
  const kind = store.kinds.find((each) => each.kind === manifest.kind && apiVersionOf(each) === manifest.apiVersion);
  if (kind === undefined) throw new RangeError(`the store keeps no ${manifest.kind}`);
  store.apply(kind, 'object', manifest, 'standalone', true);
}
