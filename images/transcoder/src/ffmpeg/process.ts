import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { FIRST_OUTPUT_FD } from './command.ts';
import type { Progress } from './progress.ts';
import { ProgressReader } from './progress.ts';

/** Characters of stderr that are kept: the last warnings, which name the cause. */
const STDERR_TAIL = 4096;
/** Time for FFmpeg to finish by itself when the agent has to end, in ms: nobody waits for what it still holds. */
const FINISH_MS = 2000;
/** The same where its last segment is wanted, in ms: it may have a whole source segment before it. */
const RETIRE_MS = 10_000;

/** How a process ended. */
export interface Exit {
  /** Exit code; null where a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  /** It did not end after SIGTERM, and got SIGKILL. */
  readonly isForced: boolean;
  /** Last lines of its log. */
  readonly stderr: string;
}

/** What becomes of a process's output. */
export interface ProcessListeners {
  /** Bytes of output `index` (0 for descriptor 3), in order. */
  output(index: number, chunk: Uint8Array): void;
  progress(progress: Progress): void;
}

/** One FFmpeg with its source on stdin and its outputs on descriptors 3 and up. */
export class EncoderProcess {
  readonly #child: ChildProcess;
  readonly #stdin: Writable;
  readonly #forceKillMs: number;
  /** Resolves when the process has ended and all that it wrote has been delivered; never rejects. */
  readonly exited: Promise<Exit>;
  /** Ends the writes that still wait for room. Not reactions of `exited`: those would keep all bytes ever written. */
  readonly #waitingWrites = new Set<() => void>();
  #ended = false;
  #isForced = false;
  #stderr = '';

  /**
   * @param path of FFmpeg: a name in PATH or a file
   * @param forceKillMs time between SIGTERM and SIGKILL
   */
  constructor(
    path: string,
    argv: readonly string[],
    outputs: number,
    listeners: ProcessListeners,
    forceKillMs: number,
  ) {
    this.#forceKillMs = forceKillMs;
    const pipes = Array.from({ length: FIRST_OUTPUT_FD + outputs }, () => 'pipe' as const);
    this.#child = spawn(path, argv, { stdio: pipes });
    const { stdin, stdout, stderr } = this.#child;
    if (stdin === null || stdout === null || stderr === null) throw new Error('the pipes of a process are missing');
    this.#stdin = stdin;
    // Writing to a process that has gone is reported by `write`; its exit says why.
    stdin.on('error', () => undefined);
    const reader = new ProgressReader((progress) => listeners.progress(progress));
    stdout.setEncoding('utf8').on('data', (text: string) => reader.push(text));
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_TAIL);
    });
    for (let index = 0; index < outputs; index++) {
      const pipe = this.#child.stdio[FIRST_OUTPUT_FD + index] as Readable;
      pipe.on('data', (chunk: Uint8Array) => listeners.output(index, chunk)).on('error', () => undefined);
    }
    this.exited = this.#watch();
  }

  /** Process id; undefined where it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  #watch(): Promise<Exit> {
    return new Promise((resolve) => {
      const end = (exit: Exit): void => {
        this.#ended = true;
        for (const giveUp of this.#waitingWrites) giveUp();
        resolve(exit);
      };
      this.#child.on('error', (error) => end({ code: null, signal: null, isForced: false, stderr: error.message }));
      this.#child.on('close', (code, signal) =>
        end({ code, signal, isForced: this.#isForced, stderr: this.#stderr.trim() }),
      );
    });
  }

  /**
   * Writes to stdin and waits until the pipe has room again: a slow encoder slows its feeder down.
   * @throws SluiceError ENCODER_GONE (retryable) where the process ends before it has taken the bytes
   */
  async write(bytes: Uint8Array): Promise<void> {
    const gone = new SluiceError('FFmpeg ended while it was fed', { code: 'ENCODER_GONE', retryable: true });
    if (this.#ended || this.#stdin.destroyed || this.#stdin.writableEnded) throw gone;
    await new Promise<void>((resolve, reject) => {
      const giveUp = (): void => reject(gone);
      this.#waitingWrites.add(giveUp);
      this.#stdin.write(bytes, (error) => {
        this.#waitingWrites.delete(giveUp);
        if (error) giveUp();
        else resolve();
      });
    });
  }

  /** Nothing more comes: FFmpeg encodes what it holds and ends, or is ended after 10 s. */
  async retire(): Promise<Exit> {
    this.#stdin.end();
    return this.#escalate(RETIRE_MS);
  }

  /** Ends the process: end of input, after 2 s SIGTERM, in the end SIGKILL. Resolves when it has ended. */
  async stop(): Promise<Exit> {
    this.#stdin.end();
    return this.#escalate(FINISH_MS);
  }

  /** Ends a process that does not react to its input: SIGTERM, in the end SIGKILL. */
  async terminate(): Promise<Exit> {
    return this.#escalate(0);
  }

  async #escalate(patienceMs: number): Promise<Exit> {
    const terminate = setTimeout(() => this.#child.kill('SIGTERM'), patienceMs);
    const kill = setTimeout(() => {
      this.#isForced = this.#child.kill('SIGKILL');
    }, patienceMs + this.#forceKillMs);
    const exit = await this.exited;
    clearTimeout(terminate);
    clearTimeout(kill);
    return exit;
  }
}

/**
 * Runs FFmpeg to its end without input.
 * @param timeoutMs after that long it is killed
 */
export async function runToEnd(path: string, argv: readonly string[], timeoutMs: number): Promise<Exit> {
  const child = spawn(path, argv, { stdio: ['ignore', 'ignore', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_TAIL);
  });
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    return { code, signal, isForced: false, stderr: stderr.trim() };
  } catch (error) {
    return {
      code: null,
      signal: null,
      isForced: false,
      stderr: error instanceof Error ? error.message : String(error),
    };
  }
}
