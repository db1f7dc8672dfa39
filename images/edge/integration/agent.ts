import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Route } from '@sluice/common/link/route.ts';
import type { Job } from '@sluice/common/work/contract.ts';
import { endingWithParent } from './ending-with-parent.ts';
import type { EdgePrograms } from './programs.ts';

const MAIN = join(import.meta.dirname, '../../transcoder/src/main.ts');
const TOKEN = 'token-of-the-transcoder';

/** The session of a transcode of these rungs, as the operator puts it into a route. */
export function sessionOf(rungs: Route['ladder']): NonNullable<Route['session']> {
  const tokenSha256 = createHash('sha256').update(TOKEN).digest('hex');
  return { name: 'film-1', uid: 'session-of-the-film', tokenSha256, rungs: rungs.map(({ name }) => name) };
}

/** The transcode pod's agent with a real FFmpeg, at work for one session. */
export class AgentProgram {
  readonly #child: ChildProcess;
  readonly #folder: string;
  #log = '';

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
      });
    }
  }

  /** Starts the agent of {@link sessionOf}'s session at an edge. */
  static async start(edge: EdgePrograms, rungs: Route['ladder']): Promise<AgentProgram> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-agent-'));
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, TOKEN);
    const job: Job = {
      rungs: rungs.map((rung) => ({ ...rung, audioBitrateBps: 128_000 })),
      encoders: ['libx264'],
      preset: 'ultrafast',
    };
    const [command, ...words] = endingWithParent([process.execPath, '--no-warnings', MAIN]);
    const child = spawn(command, words, {
      env: {
        PATH: process.env.PATH,
        SLUICE_EDGE_URL: `http://${edge.address}:${edge.ports.internal}`,
        SLUICE_SESSION_NAMESPACE: 'default',
        SLUICE_SESSION_NAME: sessionOf(rungs).name,
        SLUICE_ATTEMPT: '1',
        SLUICE_TOKEN_FILE: tokenFile,
        SLUICE_JOB: JSON.stringify(job),
        SLUICE_OPERATIONS_PORT: '0',
        SLUICE_BIND_ADDRESS: edge.address,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new AgentProgram(child, folder);
  }

  /** What it wrote. */
  get log(): string {
    return this.#log;
  }

  /** Ends it as a kubelet does that has no time. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'exit');
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
