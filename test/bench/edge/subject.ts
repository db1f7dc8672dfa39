import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@sluice/common/errors/error.ts';
import { endingWithParent } from '../../../images/edge/integration/ending-with-parent.ts';
import { interruptible } from '../interruption.ts';

/** What is measured: a server of viewers with all its processes. */
export interface Subject {
  readonly name: string;
  /** Base URL for viewers. */
  readonly url: string;
  /** Process groups that are its whole cost. */
  readonly groups: readonly number[];
}

/**
 * Everything that a bench has started, so that it can be ended however the bench ends. A part that ends what it has
 * started itself, before the others, has one of its own.
 */
export class Started {
  readonly #stops: (() => Promise<unknown>)[] = [];
  readonly #signal: AbortSignal;

  /** @param signal aborted when people end the program: nothing is started or waited for any more */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Something runs, and `stop` ends it. @throws SluiceError INTERRUPTED where the program is to end; it is ended then */
  add<T>(value: T, stop: (value: T) => Promise<unknown>): T {
    this.#stops.push(() => stop(value));
    this.#signal.throwIfAborted();
    return value;
  }

  /** @throws SluiceError INTERRUPTED where the program is to end */
  check(): void {
    this.#signal.throwIfAborted();
  }

  /** A part of this one, ended with it. */
  part(): Started {
    return this.add(new Started(this.#signal), (part) => part.stop());
  }

  /** Waits. @throws Error as soon as the program is to end */
  async sleep(seconds: number): Promise<void> {
    await sleep(seconds * 1000, undefined, { signal: this.#signal });
  }

  /** Ends everything, the newest first, and all of it: what cannot be ended is told on standard error. */
  async stop(): Promise<void> {
    for (let stop = this.#stops.pop(); stop !== undefined; stop = this.#stops.pop()) {
      await stop().catch((error: unknown) => process.stderr.write(`${messageOf(error)}\n`));
    }
  }
}

/** Runs a bench, and ends what it has started, whether it comes to its end, fails or is interrupted. */
export function withStarted<T>(work: (started: Started) => Promise<T>): Promise<T> {
  return interruptible(async ({ signal, onInterrupted }) => {
    const started = new Started(signal);
    onInterrupted(() => started.stop());
    try {
      return await work(started);
    } finally {
      await started.stop();
    }
  });
}

/** Starts a program in a process group of its own; its errors go to this one's. It ends with this process. */
export function startProgram(
  program: string,
  words: readonly string[],
  stdin: 'ignore' | 'pipe' = 'ignore',
): ChildProcess {
  const [command, ...rest] = endingWithParent([program, ...words]);
  return spawn(command, rest, { stdio: [stdin, 'pipe', 'inherit'], detached: true });
}

/**
 * What a program says first, such as where it listens.
 * @throws Error if it cannot be started, ends before, or says nothing within {@link START_SECONDS}
 */
export async function firstWordsOf(child: ChildProcess): Promise<string> {
  const name = child.spawnargs.join(' ');
  const decided = new AbortController();
  const signal = AbortSignal.any([decided.signal, AbortSignal.timeout(START_SECONDS * 1000)]);
  const said = once(child.stdout ?? child, 'data', { signal }).then(([words]) => String(words).trim());
  // Not its exit: what it has said may come behind that.
  const ended = once(child, 'close', { signal }).then(([code, by]) => {
    throw new Error(`ended (${code ?? by}) before it said a word: ${name}`);
  });
  try {
    return await Promise.race([said, ended]);
  } catch (error) {
    throw signal.aborted ? new Error(`said nothing within ${START_SECONDS} s: ${name}`) : error;
  } finally {
    decided.abort();
  }
}

/** A busy machine starts Node.js within this. */
const START_SECONDS = 30;

/** Ends a program and what it has started. */
export async function stopProgram(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  process.kill(-child.pid, 'SIGTERM');
  await Promise.race([ended, sleep(STOP_MILLISECONDS, undefined, { ref: false })]);
  if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL');
}

/** Longer than any of these programs needs for an orderly end. */
const STOP_MILLISECONDS = 10_000;

/** Group of a program that has been started. */
export function groupOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error(`${child.spawnfile} could not be started`);
  return child.pid;
}
