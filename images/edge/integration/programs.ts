import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Route } from '@sluice/common/link/route.ts';
import { makeEdgeKeys, makeOperatorKeys } from '@sluice/operator/keys/link-keys.ts';
import { request } from 'undici';
import { readOperatorKey } from '../src/link/handshake.ts';
import { SOCKET_NAME } from '../src/nginx/render.ts';
import { type TestKeys, TestOperator } from '../src/testing/operator.ts';
import { type Command, endingWithParent } from './ending-with-parent.ts';

/** What a bench wants to have different. */
export interface EdgeOptions {
  /** Command of the sidecar: Node.js, its flags, the program; the sources as they stand if left out. */
  readonly sidecar?: Command;
  /** More of the sidecar's environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Size of a file system of its own for media, in bytes: only root may have it. */
  readonly mediaBytes?: number;
}

const run = promisify(execFile);

const MAIN = join(import.meta.dirname, '../src/main.ts');
/** A node that runs programs of nine suites at the same time still starts one within this, in seconds. */
const START_SECONDS = 30;

/** Ports of an edge; the same on all edges, as in a cluster. */
export interface Ports {
  readonly http: number;
  readonly internal: number;
  readonly link: number;
  readonly operations: number;
}

/** Keys of a link as programs read them, and as the test's operator uses them. */
export interface LinkFolder {
  readonly keys: TestKeys;
  readonly folder: string;
}

/**
 * Waits until something is so.
 * @param everyMilliseconds how often to look; seldom where looking is work
 * @throws Error that says what was not, after `seconds`
 */
export async function until(
  what: string,
  seconds: number,
  isTrue: () => boolean | Promise<boolean>,
  everyMilliseconds = 20,
): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(everyMilliseconds);
  }
}

/** Ports that nobody listens on at loopback now. */
export async function freePorts(): Promise<Ports> {
  const servers = Array.from({ length: 4 }, () => createServer().listen(0, '0.0.0.0'));
  await Promise.all(servers.map((server) => server.listening || once(server, 'listening')));
  const [http = 0, internal = 0, link = 0, operations = 0] = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return { http, internal, link, operations };
}

/** Makes the link's keys and the folder that edges mount. */
export async function makeLinkFolder(): Promise<LinkFolder> {
  const operatorKey = makeOperatorKeys()['operator.key'];
  const files = await makeEdgeKeys(operatorKey, Date.now());
  const folder = await mkdtemp(join(tmpdir(), 'sluice-link-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const edge = {
    certificate: files['tls.crt'],
    privateKey: files['tls.key'],
    operatorKey: readOperatorKey(files['operator.pub']),
    sessionKey: Buffer.from(files['session.key'], 'base64'),
  };
  return { folder, keys: { operatorKey, edge } };
}

/** An edge pod's two programs, the sidecar and a real nginx, on a loopback address of their own. */
export class EdgePrograms {
  readonly podUid = randomUUID();
  readonly address: string;
  readonly ports: Ports;
  readonly #folder: string;
  readonly #link: LinkFolder;
  readonly #sidecar: { readonly words: Command; readonly environment: Readonly<Record<string, string>> };
  readonly #children: ChildProcess[] = [];
  #operator: TestOperator | null = null;
  #log = '';
  #isMounted = false;

  private constructor(
    address: string,
    ports: Ports,
    folder: string,
    link: LinkFolder,
    { sidecar = [process.execPath, '--no-warnings', MAIN], environment = {} }: EdgeOptions,
  ) {
    this.address = address;
    this.ports = ports;
    this.#folder = folder;
    this.#link = link;
    this.#sidecar = { words: sidecar, environment: { ...this.#environment(link.folder), ...environment } };
  }

  /** Starts both programs, nginx after the sidecar as in a pod; resolves when nginx answers. */
  static async start(
    address: string,
    ports: Ports,
    link: LinkFolder,
    options: EdgeOptions = {},
  ): Promise<EdgePrograms> {
    const edge = new EdgePrograms(address, ports, await mkdtemp(join(tmpdir(), 'sluice-edge-')), link, options);
    // nginx's workers run as another user where it is started by root.
    await chmod(edge.#folder, 0o755);
    await mkdir(edge.mediaDirectory);
    if (options.mediaBytes !== undefined) await edge.#mount(options.mediaBytes);
    edge.#startSidecar();
    const config = join(edge.#folder, 'run', 'nginx.conf');
    await until('the sidecar writes nginx.conf', START_SECONDS, () => existsSync(config));
    edge.#children.push(edge.#spawn(['nginx', '-e', 'stderr', '-c', config], {}));
    await until('nginx answers', START_SECONDS, () => edge.#answers('/healthz'));
    await edge.linkOperator();
    return edge;
  }

  /** The operator dials the edge, and is taken. */
  async linkOperator(): Promise<void> {
    this.#operator = new TestOperator(this.ports.link, this.#link.keys, this.address);
    await this.#operator.prove(1);
    await this.#operator.waitFor('synced');
  }

  /** Ends the operator's link: the edge is on its own. */
  cutOperator(): void {
    this.#operator?.socket.terminate();
  }

  /**
   * Kills the sidecar and starts it again with the files it had, as a kubelet does; resolves when its viewers get answers.
   * @param meanwhile what is done while it is away
   */
  async restartSidecar(meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    const [killed] = this.#children;
    if (killed?.pid === undefined) throw new Error('the edge does not run');
    const ended = once(killed, 'exit');
    process.kill(-killed.pid, 'SIGKILL');
    await ended;
    await meanwhile();
    this.#startSidecar();
    await until('the sidecar answers again', START_SECONDS, () => this.#answers('/api/streams'));
  }

  /** What both programs wrote. */
  get log(): string {
    return this.#log;
  }

  /** Entry of a route's `owners` that names this edge. */
  get owner(): Route['owners'][number] {
    return { podName: this.podUid, podUid: this.podUid, address: `${this.address}:${this.ports.internal}` };
  }

  /** The operator's end of this edge's link. */
  get operator(): TestOperator {
    if (this.#operator === null) throw new Error('the edge has no link yet');
    return this.#operator;
  }

  /** Process ids of the sidecar and of nginx's master; each leads a group of its own. */
  get pids(): readonly [sidecar: number, nginx: number] {
    const [sidecar, nginx] = this.#children.map((child) => child.pid);
    if (sidecar === undefined || nginx === undefined) throw new Error('the edge does not run');
    return [sidecar, nginx];
  }

  /** The sidecar's socket behind nginx. */
  get socketPath(): string {
    return join(this.#folder, 'run', SOCKET_NAME);
  }

  /** Whether the sidecar has stored the routes that it would start again with. */
  get hasStoredRoutes(): boolean {
    return existsSync(join(this.#folder, 'run', 'routes.json'));
  }

  get mediaDirectory(): string {
    return join(this.#folder, 'media');
  }

  /** Base URL for viewers. */
  get url(): string {
    return `http://${this.address}:${this.ports.http}`;
  }

  /** Sends these routes as a snapshot. */
  snapshot(routes: readonly Route[]): void {
    this.operator.send({ type: 'snapshot', routes: [...routes], audiences: [] });
  }

  /** Runs the preStop hook of the pod. @returns its exit code */
  async leave(seconds: number): Promise<number> {
    const hook = spawn(process.execPath, ['--no-warnings', MAIN, 'leave', String(seconds)], {
      env: { SLUICE_BIND_ADDRESS: this.address, SLUICE_OPERATIONS_PORT: String(this.ports.operations) },
      stdio: 'ignore',
    });
    const [code] = await once(hook, 'exit');
    return code ?? 1;
  }

  /** Stops both programs, nginx by a signal of choice, and removes their files. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#operator?.socket.terminate();
    await Promise.all(
      this.#children.splice(0).map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        // The group: a killed nginx would leave its workers behind.
        if (child.pid !== undefined) process.kill(-child.pid, signal);
        await ended;
      }),
    );
    if (this.#isMounted) await run('umount', [this.mediaDirectory]);
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #mount(bytes: number): Promise<void> {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=755`, 'tmpfs', this.mediaDirectory]);
    this.#isMounted = true;
  }

  async #answers(path: string): Promise<boolean> {
    try {
      const answer = await request(`${this.url}${path}`);
      await answer.body.dump();
      return answer.statusCode === 200;
    } catch {
      return false;
    }
  }

  #environment(linkFolder: string): Record<string, string> {
    return {
      SLUICE_POD_NAME: this.podUid,
      SLUICE_POD_UID: this.podUid,
      SLUICE_POD_IP: this.address,
      SLUICE_BIND_ADDRESS: this.address,
      SLUICE_HTTP_PORT: String(this.ports.http),
      SLUICE_INTERNAL_PORT: String(this.ports.internal),
      SLUICE_LINK_PORT: String(this.ports.link),
      SLUICE_OPERATIONS_PORT: String(this.ports.operations),
      SLUICE_RUN_DIRECTORY: join(this.#folder, 'run'),
      SLUICE_MEDIA_DIRECTORY: join(this.#folder, 'media'),
      SLUICE_LINK_DIRECTORY: linkFolder,
      SLUICE_ALLOWED_CIDRS: '127.0.0.0/8',
      SLUICE_NGINX_WORKERS: '1',
    };
  }

  /** The first of the two programs. */
  #startSidecar(): void {
    this.#children.shift();
    this.#children.unshift(this.#spawn(this.#sidecar.words, this.#sidecar.environment));
  }

  #spawn(words: Command, environment: Readonly<Record<string, string>>): ChildProcess {
    const [command, ...rest] = endingWithParent(words);
    const child = spawn(command, rest, {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
      });
    }
    return child;
  }
}
