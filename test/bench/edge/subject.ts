import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@sluice/common/errors/error.ts';

/** What is measured: a server of viewers with all its processes. */
export interface Subject {
  readonly name: string;
  /** Base URL for viewers. */
  readonly url: string;
  /** Process groups that are its whole cost. */
  readonly groups: readonly number[];
}

/** Everything that a bench has started, so that it can be ended however the bench ends. */
export class Started {
  readonly #stops: (() => Promise<unknown>)[] = [];

  add<T>(value: T, stop: (value: T) => Promise<unknown>): T {
    this.#stops.push(() => stop(value));
    return value;
  }

  /** Ends everything, the newest first, and all of it: what cannot be ended is told on standard error. */
  async stop(): Promise<void> {
    for (let stop = this.#stops.pop(); stop !== undefined; stop = this.#stops.pop()) {
      await stop().catch((error: unknown) => process.stderr.write(`${messageOf(error)}\n`));
    }
  }
}

/** Starts a program in a process group of its own; its errors go to this one's. */
export function startProgram(program: string, words: readonly string[]): ChildProcess {
  return spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
}

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
