import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Job } from '@sluice/common/work/contract.ts';
import { FFMPEG } from './source.ts';

const MAIN = join(import.meta.dirname, '../src/main.ts');

/** Where an agent works: base URL of the work API, and its session in namespace `default`. */
export interface Workplace {
  readonly url: string;
  readonly token: string;
  /** Name of the session; `film-1` if left out. */
  readonly session?: string;
}

/** The agent as its pod runs it: a process with environment and token file. */
export class AgentProgram {
  readonly #child: ChildProcess;
  readonly #environment: NodeJS.ProcessEnv;
  /** Resolves with the exit code. */
  readonly exited: Promise<number | null>;
  readonly operationsPort: number;
  readonly startedAt = performance.now();
  #log = '';

  private constructor(environment: NodeJS.ProcessEnv, operationsPort: number) {
    this.#environment = environment;
    this.operationsPort = operationsPort;
    this.#child = spawn(process.execPath, ['--no-warnings', MAIN], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
      });
    }
    this.exited = new Promise((resolve) =>
      this.#child.on('close', (code) => {
        rmSync(dirname(environment.SLUICE_TOKEN_FILE ?? ''), { recursive: true });
        resolve(code);
      }),
    );
  }

  /** Starts the agent for a job at an owner. */
  static async start(owner: Workplace, job: Job, graceSeconds = 60): Promise<AgentProgram> {
    const tokenFile = join(mkdtempSync(join(tmpdir(), 'sluice-token-')), 'token');
    writeFileSync(tokenFile, `${owner.token}\n`);
    const port = await freePort();
    const environment = {
      PATH: process.env.PATH,
      SLUICE_EDGE_URL: owner.url,
      SLUICE_SESSION_NAMESPACE: 'default',
      SLUICE_SESSION_NAME: owner.session ?? 'film-1',
      SLUICE_ATTEMPT: '1',
      SLUICE_TOKEN_FILE: tokenFile,
      SLUICE_JOB: JSON.stringify(job),
      SLUICE_OPERATIONS_PORT: `${port}`,
      SLUICE_GRACE_SECONDS: `${graceSeconds}`,
      SLUICE_FFMPEG: FFMPEG,
      SLUICE_LOG_LEVEL: 'debug',
    };
    return new AgentProgram(environment, port);
  }

  /** What it wrote to stdout and stderr. */
  get log(): string {
    return this.#log;
  }

  /** Runs `agent.js drain` beside it, as the preStop hook does; resolves with its exit code. */
  drain(): Promise<number | null> {
    const hook = spawn(process.execPath, ['--no-warnings', MAIN, 'drain'], { env: this.#environment });
    return new Promise((resolve) => hook.on('close', (code) => resolve(code)));
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Process ids of the FFmpegs that it runs. */
  encoders(): readonly number[] {
    const { pid } = this.#child;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? [] : children.split(' ').map(Number);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
