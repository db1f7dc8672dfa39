import { chmod, mkdtemp } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { createLogger } from '@sluice/common/log/log.ts';
import { createMetrics } from '@sluice/common/metrics/metrics.ts';
import { ensureLinkIdentity } from '../keys/bootstrap.ts';
import { Operator } from '../operator.ts';
import { startHealthServer } from '../runtime/health/server.ts';
import { createMemoryClient } from '../runtime/memory/client.ts';
import type { JsonObject } from '../runtime/memory/fields.ts';
import type { ObjectStore } from '../runtime/memory/object-store.ts';
import { MONOTONIC_CLOCK } from '../runtime/queue/clock.ts';
import { steadyClock } from '../runtime/queue/steady-clock.ts';
import { createStandaloneStore } from './api/kinds.ts';
import { runControllers } from './controllers/controllers.ts';
import { targetsOf } from './controllers/service.ts';
import { FolderInput } from './input/folder-input.ts';
import { startGuardian } from './kubelet/guardian.ts';
import { localImages } from './kubelet/images.ts';
import { type Kubelet, startKubelet } from './kubelet/kubelet.ts';
import { createLogPrinter, type LogLine } from './kubelet/log.ts';
import { createLocalMachine } from './kubelet/machine.ts';
import { type LoopbackNetwork, takeNetwork } from './network/network.ts';
import { openRelay } from './network/relay.ts';
import type { StandaloneSettings } from './settings.ts';
import { followChannels, type Terminal } from './terminal.ts';

/** A run of everything on this machine. */
export interface StandaloneRun {
  /** The Kubernetes API of the run. */
  readonly store: ObjectStore;
  /** What a container of a pod has printed, the first main one if the name is empty; null if there is none. */
  log(pod: JsonObject, container: string): string | null;
  /** Ends every process, file and port of the run. */
  stop(): Promise<void>;
}

/** The edges' Deployment, and the Services for viewers (`sluice-edge`) and for operator and agents. */
export const EDGES_FILE = join(import.meta.dirname, 'edges.yaml');
/** Where they are: namespace of Sluice's own pods. */
const NAMESPACE = 'sluice';
const VIEWERS_SERVICE = { namespace: NAMESPACE, name: 'sluice-edge' };
const INTERNAL_SERVICE = 'sluice-edge-internal';
/** Secrets of the link; the second one is the operator's half of the key. */
const SECRETS = { namespace: NAMESPACE, edge: 'sluice-link', operator: 'sluice-link-operator' };
/** As in the operator's pod. */
const OPERATIONS_PORT = 9090;
/** The chart's limit of all; there is only one owner. */
const SESSION_LIMITS = { perOwner: 20, total: 20 };
/** Folders that Debian's nginx lies in, although PATH of people who are not root has none of them. */
const SYSTEM_FOLDERS = '/usr/local/sbin:/usr/sbin:/sbin';
/**
 * A unix socket's path ends at 107 bytes, and an edge's lies this deep:
 * `/pods/` with a uid of 36, `/volumes/run/sidecar.sock`, and a moment's suffix.
 */
const LONGEST_RUN_FOLDER = 107 - 6 - 36 - 25;

/** What all parts of a run share. */
interface Run {
  readonly settings: StandaloneSettings;
  readonly store: ObjectStore;
  readonly network: LoopbackNetwork;
  readonly print: (line: LogLine) => void;
  /** Has something ended with the run, before what was started earlier. */
  readonly started: AsyncDisposableStack;
}

/**
 * Starts operator, API, controllers, kubelet and input on this machine. What has been started is ended again where a
 * later part cannot start.
 * @throws SluiceError INPUT_UNREADABLE, PORT_IN_USE, NETWORK_MISSING and what else the parts throw
 */
export async function startStandalone(settings: StandaloneSettings, terminal: Terminal): Promise<StandaloneRun> {
  await using starting = new AsyncDisposableStack();
  starting.defer(() => terminal.end());
  const network = starting.adopt(await takeNetwork(), (taken) => taken.close());
  const print = createLogPrinter((line) => terminal.write(line), { colour: terminal.colour, all: settings.allLogs });
  const store = createStandaloneStore(Date.now, network);
  const run: Run = { settings, store, network, print, started: starting };
  const input = new FolderInput([EDGES_FILE, settings.input], store, (line, isFault) => {
    terminal.write(line, isFault ? 'red' : undefined);
  });
  await input.read();
  starting.defer(await openPage(run));
  const kubelet = starting.adopt(await startPods(run), (running) => running.stop());
  const operator = await startOperator(run); // makes the Secret that the edges wait for
  const onTrouble = (text: string) => print({ pod: 'controllers', container: '', text });
  starting.defer(runControllers({ store, network, openRelay, now: Date.now, onTrouble }));
  starting.defer(input.follow((trouble) => terminal.write(trouble)));
  starting.defer(followChannels(store, terminal, Date.now));
  await operator.lead(Math.floor(Date.now() / 1000));
  const started = starting.move();
  return { store, log: (pod, container) => kubelet.log(pod, container), stop: () => started.disposeAsync() };
}

/** @throws SluiceError PORT_IN_USE @returns ends it */
async function openPage({ store, settings: { pagePort } }: Run): Promise<() => Promise<void>> {
  try {
    return await openRelay('127.0.0.1', pagePort, () => targetsOf(store, VIEWERS_SERVICE, 'http'));
  } catch (cause) {
    const message = `${messageOf(cause)}: choose another port by SLUICE_PORT`;
    throw new SluiceError(message, { code: 'PORT_IN_USE', retryable: false, cause });
  }
}

async function startPods({ settings, store, network, print, started }: Run): Promise<Kubelet> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  started.defer(startGuardian(folder));
  if (Buffer.byteLength(folder) > LONGEST_RUN_FOLDER) {
    const message = `${folder} is too long for the sockets in it: set TMPDIR to a folder such as /tmp`;
    throw new SluiceError(message, { code: 'RUN_FOLDER_TOO_LONG', retryable: false });
  }
  await chmod(folder, 0o711); // nginx's workers pass it
  return startKubelet({
    store,
    network,
    images: localImages(settings),
    machine: createLocalMachine(),
    clock: MONOTONIC_CLOCK,
    folder: join(folder, 'pods'),
    environment: { PATH: `${settings.path}:${SYSTEM_FOLDERS}`, HOME: folder, LANG: 'C.UTF-8' },
    print,
  });
}

/** @returns the operator as a standby: its caches are filled */
async function startOperator({ settings, store, network, print, started }: Run): Promise<Operator> {
  const client = started.adopt(createMemoryClient(store), (made) => made.close());
  const write = (line: string) => print({ pod: 'operator', container: '', text: line.trimEnd() });
  const log = createLogger({ name: 'operator', level: settings.allLogs ? 'debug' : 'info' }, { write });
  const metrics = createMetrics();
  const edgeUrl = `http://${network.serviceAddress(NAMESPACE, INTERNAL_SERVICE)}:8081`;
  const operator = new Operator({
    client,
    identity: await ensureLinkIdentity(client, SECRETS, Date.now),
    edges: { namespace: NAMESPACE, service: INTERNAL_SERVICE },
    publicUrl: `http://127.0.0.1:${settings.pagePort}`,
    pod: { image: 'sluice/transcoder:local', pullPolicy: 'Never', edgeUrl },
    limits: SESSION_LIMITS,
    instance: hostname(),
    log,
    metrics,
    now: steadyClock(),
  });
  started.defer(() => operator.stop());
  const checks = { live: () => operator.live(), ready: () => operator.ready() };
  const address = network.podAddress();
  const health = await startHealthServer(OPERATIONS_PORT, checks, metrics.registry, address);
  started.defer(() => health.close());
  log.info({ metrics: `http://${address}:${OPERATIONS_PORT}/metrics` }, 'the operator starts');
  await operator.start();
  return operator;
}
