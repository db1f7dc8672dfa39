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
import { kindOfObject } from '../runtime/memory/served-kind.ts';
import { steadyClock } from '../runtime/queue/steady-clock.ts';
import { createStandaloneStore } from './api/kinds.ts';
import { Controllers } from './controllers/controllers.ts';
import { FolderInput } from './input/folder-input.ts';
import { startGuardian } from './kubelet/guardian.ts';
import { Kubelet } from './kubelet/kubelet.ts';
import { createLogPrinter, type LogLine } from './kubelet/log.ts';
import { createLocalMachine } from './kubelet/machine.ts';
import { type LoopbackNetwork, takeNetwork } from './network/network.ts';
import { Relays } from './network/relays.ts';
import {
  EDGE_INTERNAL_NAME,
  EDGE_NAME,
  edgeManifests,
  LINK_SECRET,
  SYSTEM_NAMESPACE,
} from './programs/edge-manifests.ts';
import { LOCAL_TAG, localImages } from './programs/local-images.ts';
import type { StandaloneSettings } from './settings.ts';
import { followChannels, printInput, type Terminal } from './terminal.ts';

/** A run of everything on this machine. */
export interface StandaloneRun {
  /** The Kubernetes API of the run. */
  readonly store: ObjectStore;
  /** What a container of a pod has printed, the first main one if the name is empty; null if there is none. */
  log(pod: JsonObject, container: string): string | null;
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
  const started = new AsyncDisposableStack();
  try {
    started.defer(() => terminal.end());
    const network = started.adopt(await takeNetwork(), (taken) => taken.close());
    const print = createLogPrinter((line) => terminal.write(line), { colour: terminal.colour, all: settings.allLogs });
    const store = createStandaloneStore(Date.now, network);
    const run: Run = { settings, store, network, print, started };
    const input = new FolderInput(settings.input, store, printInput(terminal));
    await input.read();
    const kubelet = await startKubelet(run);
    await startControllers(run);
    const operator = await startOperator(run);
    for (const manifest of edgeManifests([THIS_MACHINE, ...settings.allowedCidrs])) {
      const kind = kindOfObject(store.kinds, manifest);
      if (kind !== undefined) store.apply(kind, 'object', manifest, 'standalone');
    }
    started.defer(input.follow((trouble) => terminal.write(trouble)));
    started.defer(followChannels(store, terminal, Date.now));
    await operator.lead(Math.floor(Date.now() / 1000));
    return { store, log: (pod, container) => kubelet.log(pod, container), stop: () => started.disposeAsync() };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

async function startKubelet({ settings, store, network, print, started }: Run): Promise<Kubelet> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const guardian = started.adopt(startGuardian(folder), (watching) => watching.close());
  if (Buffer.byteLength(folder) > LONGEST_RUN_FOLDER) {
    const message = `${folder} is too long for the sockets in it: set TMPDIR to a folder such as /tmp`;
    throw new SluiceError(message, { code: 'RUN_FOLDER_TOO_LONG', retryable: false });
  }
  await chmod(folder, 0o711); // nginx's workers pass it
  const kubelet = new Kubelet({
    store,
    network,
    images: localImages(settings.programs, process.execPath, process.getuid?.() === 0),
    machine: createLocalMachine(guardian),
    folder: join(folder, 'pods'),
    environment: { PATH: `${settings.path}:${SYSTEM_FOLDERS}`, HOME: folder, LANG: 'C.UTF-8' },
    print,
  });
  return started.adopt(kubelet, (running) => running.stop());
}

/** @throws SluiceError PORT_IN_USE where the page's address cannot be opened */
async function startControllers({ settings: { pagePort }, store, network, print, started }: Run): Promise<void> {
  const onTrouble = (text: string) => print({ pod: 'controllers', container: '', text, isNote: true });
  const relays = started.adopt(new Relays(onTrouble), (opened) => opened.close());
  const page = { address: '127.0.0.1', port: pagePort };
  await relays.open({ ...page, targets: [] }).catch((cause: unknown) => {
    const message = `${messageOf(cause)}: choose another port by SLUICE_PORT`;
    throw new SluiceError(message, { code: 'PORT_IN_USE', retryable: false, cause });
  });
  const service = { namespace: SYSTEM_NAMESPACE, name: EDGE_NAME, portName: 'http' };
  const options = { store, network, relays, page: { ...page, service }, now: Date.now, onTrouble };
  started.adopt(new Controllers(options), (controllers) => controllers.stop());
}

/** @returns the operator as a standby: its caches are filled */
async function startOperator({ settings, store, network, print, started }: Run): Promise<Operator> {
  const client = started.adopt(createMemoryClient(store), (made) => made.close());
  const level = settings.allLogs ? 'debug' : 'info';
  const write = (line: string) => print({ pod: 'operator', container: '', text: line.trimEnd(), isNote: false });
  const log = createLogger({ name: 'operator', level }, { write });
  const metrics = createMetrics();
  const secrets = { namespace: SYSTEM_NAMESPACE, edge: LINK_SECRET, operator: OPERATOR_SECRET };
  const edgeAddress = network.serviceAddress(SYSTEM_NAMESPACE, EDGE_INTERNAL_NAME);
  const operator = new Operator({
    client,
    identity: await ensureLinkIdentity(client, secrets, Date.now),
    edges: { namespace: SYSTEM_NAMESPACE, service: EDGE_INTERNAL_NAME },
    publicUrl: `http://127.0.0.1:${settings.pagePort}`,
    pod: { image: `sluice/transcoder:${LOCAL_TAG}`, pullPolicy: 'Never', edgeUrl: `http://${edgeAddress}:8081` },
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
