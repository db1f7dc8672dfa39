import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Client } from '../runtime/client/client.ts';
import { startGuardian } from './kubelet/guardian.ts';
import { startKubelet } from './kubelet/kubelet.ts';
import { createLocalMachine } from './kubelet/local-machine.ts';
import { createLogPrinter, type PrinterOptions } from './kubelet/log-printer.ts';
import type { LoopbackNetwork } from './network/network.ts';
import { startServices } from './network/services.ts';
import { EDGE_NAME, SYSTEM_NAMESPACE } from './programs/edge-manifests.ts';
import { localImages, type ProgramPaths } from './programs/local-images.ts';

/**
 * A unix socket's path ends at 107 bytes, and an edge's lies this deep:
 * `/pods/` with a uid of 36, `/volumes/run/sidecar.sock`, and a moment's suffix.
 */
const LONGEST_RUN_FOLDER = 107 - 6 - 36 - 25;

/** Folders that Debian's nginx lies in, although PATH of people who are not root has none of them. */
const SYSTEM_FOLDERS = '/usr/local/sbin:/usr/sbin:/sbin';

/** What the local machine has to know. */
export interface MachineRoomOptions {
  readonly client: Client;
  readonly network: LoopbackNetwork;
  readonly programs: ProgramPaths;
  /** Port of the page on 127.0.0.1. */
  readonly pagePort: number;
  /** PATH that programs are looked for in. */
  readonly path: string;
  /** Takes a line for people. */
  readonly write: (line: string) => void;
  readonly logs: PrinterOptions;
}

/** Everything that runs the pods of the API on this machine. */
export interface MachineRoom {
  /** What a container has printed; null if there is no such container. */
  logs(namespace: string, pod: string, container: string): string | null;
  /** Ends every process and removes every file; the ports are free afterwards. */
  stop(): Promise<void>;
}

/**
 * Starts kubelet, addresses of Services and the page's address.
 * @throws SluiceError PORT_IN_USE, RUN_FOLDER_TOO_LONG
 */
export async function startMachineRoom(options: MachineRoomOptions): Promise<MachineRoom> {
  const { client, network, programs, pagePort, write } = options;
  const print = createLogPrinter(write, options.logs);
  const onTrouble = (text: string): void => print({ pod: 'services', container: '', text, isNote: true });
  const page = { port: pagePort, service: { namespace: SYSTEM_NAMESPACE, name: EDGE_NAME }, portName: 'http' };
  const services = await startServices({ client, network, page, onTrouble });
  const folder = await runFolder();
  const guardian = startGuardian(folder);
  const environment = { PATH: `${options.path}:${SYSTEM_FOLDERS}`, HOME: folder, LANG: 'C.UTF-8' };
  const kubelet = startKubelet({
    client,
    network,
    images: localImages(programs, process.execPath, process.getuid?.() === 0),
    machine: createLocalMachine(guardian),
    folder: join(folder, 'pods'),
    environment,
    print,
  });
  return {
    logs: (namespace, pod, container) => kubelet.logs(namespace, pod, container),
    async stop() {
      await Promise.all([kubelet.stop(), services.close()]);
      await guardian.close();
    },
  };
}

/** A folder of this run, which nginx's workers may pass. */
async function runFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  if (Buffer.byteLength(folder) > LONGEST_RUN_FOLDER) {
    const message = `${folder} is too long for the sockets in it: set TMPDIR to a folder such as /tmp`;
    throw new SluiceError(message, { code: 'RUN_FOLDER_TOO_LONG', retryable: false });
  }
  await chmod(folder, 0o711);
  return folder;
}
