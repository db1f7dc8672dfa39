import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { DEMO_FILES, DEMO_NAMESPACE } from '../install/install.ts';
import { eventually } from '../install/kubectl.ts';
import { type ChannelStatusView, channelStatus } from './channel-state.ts';
import type { StandaloneEnvironment } from './environment.ts';
import type { Platform, PlatformObject } from './platform/platform.ts';
import { createStandalonePlatform } from './platform/standalone.ts';
import { descendantsOf, stillRunning } from './processes.ts';

/** A standalone operator that runs for the suites. */
export interface StandaloneOperator {
  readonly environment: StandaloneEnvironment;
  /** Process of the operator itself. */
  readonly pid: number;
  /**
   * Ends it as Ctrl-C does.
   * @throws Error if it does not end in time, ends with an error, or leaves a process, a file or a port behind
   */
  stop(): Promise<void>;
}

/** What the operator is started with. */
export interface StandaloneOptions {
  /** Root of the checkout. */
  readonly root: string;
  /** Folder for its log and for what suites write. */
  readonly artifactFolder: string;
  /** Variables that tell it where programs, bundles and film lie. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** Namespace of the source that the suites' own channels play; the demo's is left to the examples' channel. */
const SOURCE_NAMESPACE = 'scenarios';
/** Programs, edges and the first four segments of the source: about 15 s; twice that on a machine that is busy. */
const START_SECONDS = 60;
/** The longest time of grace of a pod in the scenarios is an edge's, 60 s. */
const STOP_SECONDS = 70;

interface ServiceView extends PlatformObject {
  readonly spec: { readonly clusterIP?: string };
}

/** Starts an operator with the examples and a source for the suites, on free ports, and waits until it delivers. */
export async function startStandaloneOperator(options: StandaloneOptions): Promise<StandaloneOperator> {
  const { root, artifactFolder, variables } = options;
  await rm(artifactFolder, { recursive: true, force: true });
  await mkdir(artifactFolder, { recursive: true });
  const folder = await writeInput(root);
  const temporary = await mkdtemp(join(tmpdir(), 'run-'));
  await chmod(temporary, 0o711); // nginx's workers pass it
  const [pagePort, apiPort] = [await freePort(), await freePort()];
  const logFile = join(artifactFolder, 'operator.log');
  const log = openSync(logFile, 'w');
  const child = spawn(
    process.execPath,
    ['--no-warnings', join(root, 'test/standalone/scenarios-main.ts'), folder, String(apiPort)],
    { cwd: root, env: { ...variables, SLUICE_PORT: String(pagePort), TMPDIR: temporary }, stdio: ['ignore', log, log] },
  );
  closeSync(log);
  const ended = new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code === 0 ? '' : `ended with ${code ?? signal}`));
  });
  const edgeUrl = `http://127.0.0.1:${pagePort}`;
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const settings = { edgeUrl, apiUrl, addresses: {}, artifactFolder, nodeImage: 'sluice/edge:local' };
  const stop = () => stopOperator(child, ended, { folder, temporary, logFile, ports: [pagePort, apiPort] });
  try {
    const url = await Promise.race([
      untilReady(createStandalonePlatform({ ...settings, source: { url: '', namespace: SOURCE_NAMESPACE } })),
      ended.then((how): never => {
        throw new Error(`the operator ${how || 'ended by itself'}`);
      }),
    ]);
    const source = { url, namespace: SOURCE_NAMESPACE };
    return { environment: { platform: 'standalone', ...settings, source }, pid: child.pid ?? 0, stop };
  } catch (error) {
    await stop().catch(() => {});
    throw new Error(`${String(error)}\n${await tailOf(logFile)}`);
  }
}

/** The examples' files, and the demo source once more in another namespace. */
async function writeInput(root: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'scenarios-'));
  for (const file of DEMO_FILES) {
    const text = await readFile(join(root, 'examples', file), 'utf8');
    await writeFile(join(folder, file), text);
    if (file === 'channel.yaml') continue;
    const copy = text
      .replaceAll(`namespace: ${DEMO_NAMESPACE}`, `namespace: ${SOURCE_NAMESPACE}`)
      .replaceAll(`name: ${DEMO_NAMESPACE}\n`, `name: ${SOURCE_NAMESPACE}\n`);
    await writeFile(join(folder, `${SOURCE_NAMESPACE}-${file}`), copy);
  }
  return folder;
}

/** @returns base URL of the suites' source */
async function untilReady(platform: Platform): Promise<string> {
  const look = async (): Promise<string | null> => {
    const service = await platform.get<ServiceView>('Service', SOURCE_NAMESPACE, 'demo-source');
    // Ports below 1024 are offered 8000 higher, as nobody but root may open them.
    const url = `http://${service?.spec.clusterIP}:8080`;
    const playlist = await request(`${url}/film/index.m3u8`);
    await playlist.body.dump();
    const page = await request(`${platform.edgeUrl}/watch/${DEMO_NAMESPACE}/film`);
    await page.body.dump();
    const status: ChannelStatusView | null = await channelStatus(platform, DEMO_NAMESPACE, 'film');
    const isReady = playlist.statusCode === 200 && page.statusCode === 200 && status?.source?.facts !== undefined;
    return isReady ? url : null;
  };
  const describe = async () => JSON.stringify(await channelStatus(platform, DEMO_NAMESPACE, 'film'), null, 2);
  return eventually('the demo channel can be watched', look, { timeoutSeconds: START_SECONDS }, describe);
}

/** A port that was free a moment ago: nobody else on this machine takes it on purpose. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port on 127.0.0.1');
  return address.port;
}

interface Remains {
  readonly folder: string;
  /** Where it makes its own files. */
  readonly temporary: string;
  readonly logFile: string;
  readonly ports: readonly number[];
}

async function stopOperator(child: ChildProcess, ended: Promise<string>, remains: Remains): Promise<void> {
  const processes = descendantsOf(child.pid ?? 0);
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_SECONDS * 1000);
  const how = await ended;
  clearTimeout(timer);
  const files = await readdir(remains.temporary);
  for (const folder of [remains.folder, remains.temporary]) await rm(folder, { recursive: true, force: true });
  if (how !== '') throw new Error(`the operator ${how} at SIGTERM\n${await tailOf(remains.logFile)}`);
  if (files.length > 0) throw new Error(`the operator has ended, but not removed ${files.join(', ')}`);
  for (const port of remains.ports) {
    const answers = await request(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (answers) throw new Error(`port ${port} still answers after the operator has ended`);
  }
  const left = stillRunning(processes).map(({ pid, name }) => `${name} (${pid})`);
  if (left.length > 0) throw new Error(`the operator has ended, but not ${left.join(', ')}`);
}

/** The end of a log, where its error stands. */
async function tailOf(file: string): Promise<string> {
  const lines = (await readFile(file, 'utf8').catch(() => '')).trimEnd().split('\n');
  return `${file}:\n${lines.slice(-25).join('\n')}`;
}
