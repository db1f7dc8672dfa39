import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { EDGE_SERVICE, SYSTEM_NAMESPACE } from './objects.ts';

/** Not the default, which a developer's own operator may hold. */
const OPERATIONS_PORT = 19_090;
/** Linux counts CPU time in ticks of a hundredth of a second for programs (USER_HZ), on every platform of ours. */
const TICKS_PER_SECOND = 100;

/** What an operator has used. */
export interface Usage {
  /** CPU time since its start, user and system. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** Highest resident memory since its start. */
  readonly peakBytes: number;
}

/** The bundled operator as a process of this machine. */
export class OperatorProcess {
  readonly #child: ChildProcess;
  #log = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => this.#keep(chunk));
    child.stderr?.on('data', (chunk: Buffer) => this.#keep(chunk));
  }

  /** Starts it as its pod would. */
  static start(root: string, kubeconfigPath: string): OperatorProcess {
    const image = imageSettings(root);
    const environment = {
      PATH: process.env.PATH,
      ...image.environment,
      KUBECONFIG: kubeconfigPath,
      SLUICE_NAMESPACE: SYSTEM_NAMESPACE,
      SLUICE_EDGE_SERVICE: EDGE_SERVICE,
      SLUICE_EDGE_INTERNAL_URL: 'http://sluice-edge-internal.sluice.svc:8081',
      SLUICE_LINK_SECRET: 'sluice-link',
      SLUICE_LINK_OPERATOR_SECRET: 'sluice-link-operator',
      SLUICE_TRANSCODER_IMAGE: 'sluice/transcoder:bench',
      // The limits of a small installation would keep most of the sessions waiting.
      SLUICE_MAX_SESSIONS_PER_OWNER: '10000',
      SLUICE_MAX_SESSIONS: '10000',
      SLUICE_OPERATIONS_PORT: String(OPERATIONS_PORT),
      SLUICE_LOG_LEVEL: 'warn',
    };
    const program = join(root, 'dist/operator/operator.js');
    return new OperatorProcess(
      spawn(process.execPath, [...image.flags, program], {
        env: environment,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
  }

  /** @throws SluiceError OPERATOR_ENDED with the end of its log if it no longer runs */
  async usage(): Promise<Usage> {
    this.check();
    const [stat, status] = await Promise.all([this.#proc('stat'), this.#proc('status')]);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      residentBytes: kilobytes('VmRSS') * 1024,
      peakBytes: kilobytes('VmHWM') * 1024,
    };
  }

  /** Sum of all series of a metric that has every one of these labels (`method="POST"`). */
  async metric(name: string, ...labels: readonly string[]): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${OPERATIONS_PORT}/metrics`)).text();
    return text
      .split('\n')
      .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && hasAll(line, labels))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** The end of what it has logged: with level `warn`, its troubles. */
  get log(): string {
    return this.#log;
  }

  /** @throws SluiceError OPERATOR_ENDED with the end of its log if it no longer runs */
  check(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) return;
    throw new SluiceError(`the operator has ended:\n${this.#log}`, { code: 'OPERATOR_ENDED', retryable: false });
  }

  /** SIGTERM, and its orderly end. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }

  #proc(file: string): Promise<string> {
    return readFile(`/proc/${this.#child.pid}/${file}`, 'utf8');
  }

  #keep(chunk: Buffer): void {
    this.#log = (this.#log + chunk.toString()).slice(-4000);
  }
}

/** What the image tells Node.js and the C library: Node's flags and environment variables. */
function imageSettings(root: string): { readonly flags: readonly string[]; readonly environment: object } {
  const text = readFileSync(join(root, 'images/operator/Dockerfile'), 'utf8');
  const words = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(text)?.[1] ?? '[]') as string[];
  const variables = [...text.matchAll(/^ENV (\w+)=(\S+)$/gm)].map(([, name = '', value = '']) => [name, value]);
  return { flags: words.filter((word) => word.startsWith('--')), environment: Object.fromEntries(variables) };
}

function hasAll(line: string, labels: readonly string[]): boolean {
  return labels.every((label) => line.includes(label));
}
