import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { imageSettings } from '../image-settings.ts';
import { type Usage, usageOf } from '../process-usage.ts';
import { EDGE_SERVICE, SYSTEM_NAMESPACE } from './objects.ts';
import { ENDS_WITH_PARENT } from './parent-watch.ts';

/** Not the default, which a developer's own operator may hold. */
const OPERATIONS_PORT = 19_090;
/** The operator gives itself less for an orderly end. */
const STOP_SECONDS = 20;

/** Sum of all series of a metric that has every one of these labels (`method="POST"`). */
export type Scrape = (name: string, ...labels: readonly string[]) => number;

/** The bundled operator as a process of this machine. */
export class OperatorProcess {
  readonly #child: ChildProcess;
  #log = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => this.#keep(chunk));
    child.stderr?.on('data', (chunk: Buffer) => this.#keep(chunk));
  }

  /** Starts it as its pod would; it ends with this process at the latest. */
  static start(root: string, kubeconfigPath: string): OperatorProcess {
    const image = imageSettings(root, 'operator');
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
      spawn(process.execPath, [...image.flags, ...ENDS_WITH_PARENT, program], {
        env: environment,
        stdio: ['pipe', 'pipe', 'pipe'],
      }),
    );
  }

  /** @throws SluiceError OPERATOR_ENDED with the end of its log if it no longer runs */
  usage(): Promise<Usage> {
    this.check();
    return usageOf(this.#child.pid ?? 0);
  }

  /** Its metrics as a Prometheus would read them. */
  async scrape(): Promise<Scrape> {
    const text = await (await fetch(`http://127.0.0.1:${OPERATIONS_PORT}/metrics`)).text();
    const lines = text.split('\n');
    return (name, ...labels) =>
      lines
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

  /** SIGTERM, and its orderly end; SIGKILL if that does not come. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_SECONDS * 1000);
    await ended;
    clearTimeout(late);
  }

  #keep(chunk: Buffer): void {
    this.#log = (this.#log + chunk.toString()).slice(-4000);
  }
}

function hasAll(line: string, labels: readonly string[]): boolean {
  return labels.every((label) => line.includes(label));
}
