import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants as systemConstants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { request } from 'undici';
import type { Guardian } from './guardian.ts';

/** A process to start, in a process group of its own. */
export interface ProcessStart {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Everything that it finds in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Takes what it prints on either stream, line by line. */
  readonly onLine: (line: string) => void;
}

/** A process that was started, with all that it starts itself. */
export interface LocalProcess {
  readonly pid: number;
  /** Its exit code, 128 and the signal's number if a signal ended it, as soon as nothing of its group is left. */
  readonly ended: Promise<number>;
  /** Signals the process alone, as a container's first one; nothing happens after its end. */
  signal(name: 'SIGTERM' | 'SIGQUIT'): void;
  /** SIGKILL to the whole group. */
  kill(): void;
}

/** What the kubelet does to the machine: processes and requests; tests bring their own. */
export interface Machine {
  /** @throws SluiceError PROGRAM_MISSING */
  launch(start: ProcessStart): Promise<LocalProcess>;
  /** Whether a GET is answered with a status from 200 to 399 within the time; never throws. */
  get(url: string, timeoutMs: number): Promise<boolean>;
}

/** A longer line is given in pieces: programs that print without end must not fill the memory. */
const MAX_LINE_LENGTH = 16 * 1024;

/**
 * This machine.
 * @param guardian ends the groups that this process leaves behind
 * @param lastLinesMs what is in the pipe at the end of a process is read within this
 */
export function createLocalMachine(guardian: Guardian, lastLinesMs = 1000): Machine {
  return { launch: (start) => launch(start, guardian, lastLinesMs), get: answers };
}

async function launch(
  { command, environment, directory, onLine }: ProcessStart,
  guardian: Guardian,
  lastLinesMs: number,
): Promise<LocalProcess> {
  const [program = '', ...args] = command;
  const output = await openPipe(directory, onLine);
  const child = spawn(program, args, {
    cwd: directory,
    env: { ...environment },
    detached: true, // a session and a process group of its own: Ctrl-C does not reach it, and all of it can be killed
    stdio: ['ignore', output.writeEnd, output.writeEnd],
  });
  const exit = once(child, 'exit').catch(() => [255, null]); // an error of its start is told below
  const error = await once(child, 'spawn').then(
    () => null,
    (cause: NodeJS.ErrnoException) => cause,
  );
  closeSync(output.writeEnd);
  const { pid } = child;
  if (error !== null || pid === undefined) {
    const why = error?.code === 'ENOENT' ? 'is not installed' : (error?.message ?? 'has no process');
    throw new SluiceError(`${program} ${why}`, { code: 'PROGRAM_MISSING', retryable: true });
  }
  guardian.add(pid);
  /** The end of the first process is the end of the container: what it leaves behind is killed, as with a PID namespace. */
  const end = async (): Promise<number> => {
    const [code, signal] = (await exit) as [number | null, NodeJS.Signals | null];
    killGroup(pid);
    // A process that has left the group may hold the pipe for ever; it holds up neither the container's end nor ours.
    await Promise.race([output.ended, sleep(lastLinesMs, undefined, { ref: false })]);
    output.close();
    guardian.remove(pid);
    return code ?? 128 + (signal === null ? 0 : systemConstants.signals[signal]);
  };
  return { pid, ended: end(), signal: (name: NodeJS.Signals) => void child.kill(name), kill: () => killGroup(pid) };
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}

async function answers(url: string, timeoutMs: number): Promise<boolean> {
  try {
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(timeoutMs), reset: true });
    await body.dump();
    return statusCode >= 200 && statusCode < 400;
  } catch {
    return false;
  }
}

/**
 * Makes a pipe whose lines go to `onLine`. Node's own are sockets: a program that opens /dev/stdout, as nginx does for
 * its access log, cannot open those. So this is a FIFO, whose name in the folder is gone when it is open.
 */
async function openPipe(folder: string, onLine: (line: string) => void) {
  const path = join(folder, `.pipe-${randomUUID()}`);
  await promisify(execFile)('mkfifo', ['-m', '600', path]);
  // The reading end first: opening the other one waits for it.
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeEnd = openSync(path, constants.O_WRONLY);
  unlinkSync(path);
  const reader = new Socket({ fd: readEnd, readable: true, writable: false });
  const take = lineCutter(onLine);
  reader.setEncoding('utf8').on('data', take);
  reader.on('error', () => reader.destroy());
  const ended = new Promise<void>((resolve) => {
    reader.on('close', () => {
      take('\n', true);
      resolve();
    });
  });
  return { writeEnd, ended, close: () => void reader.destroy() };
}

/** Cuts text that comes in pieces into lines; the last piece ends a line only if there is one. */
export function lineCutter(onLine: (line: string) => void): (text: string, isLast?: boolean) => void {
  let rest = '';
  return (text, isLast = false) => {
    if (isLast && rest === '') return;
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
    for (; rest.length > MAX_LINE_LENGTH; rest = rest.slice(MAX_LINE_LENGTH)) onLine(rest.slice(0, MAX_LINE_LENGTH));
  };
}
