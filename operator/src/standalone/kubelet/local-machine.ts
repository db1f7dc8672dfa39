import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:net';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Guardian } from './guardian.ts';
import type { LocalProcess, Machine, ProcessEnd, ProcessStart } from './machine.ts';
import { type OutputPipe, openOutputPipe } from './output-pipe.ts';

/** What is in the pipe at the end is read within this. */
const LAST_LINES_MS = 1000;

/** This machine. @param guardian ends the groups that this process leaves behind */
export function createLocalMachine(guardian: Guardian): Machine {
  return { launch: (start) => launch(start, guardian), get: answers, connect: accepts };
}

async function launch(start: ProcessStart, guardian: Guardian): Promise<LocalProcess> {
  const [program = '', ...args] = start.command;
  const output = await openOutputPipe(start.onLine);
  const child = spawn(program, args, {
    cwd: start.directory,
    env: { ...start.environment },
    detached: true, // a session and a process group of its own: Ctrl-C does not reach it, and all of it can be killed
    stdio: ['ignore', output.writeEnd, output.writeEnd],
  });
  const exit = once(child, 'exit');
  exit.catch(() => {}); // told by `failed`
  const failed = once(child, 'spawn').then(
    () => null,
    (error: NodeJS.ErrnoException) => error,
  );
  const error = await failed;
  output.started();
  const { pid } = child;
  if (error !== null || pid === undefined) {
    const why = error?.code === 'ENOENT' ? 'is not installed' : (error?.message ?? 'has no process');
    throw new SluiceError(`${program} ${why}`, { code: 'PROGRAM_MISSING', retryable: true });
  }
  guardian.add(pid);
  return {
    pid,
    ended: endOf(pid, exit, output, guardian),
    signal: (name) => void child.kill(name),
    kill: () => killGroup(pid),
  };
}

/** The end of the first process is the end of the container: what it leaves behind is killed, as with a PID namespace. */
async function endOf(
  pid: number,
  exit: Promise<readonly unknown[]>,
  output: OutputPipe,
  guardian: Guardian,
): Promise<ProcessEnd> {
  const [code, signal] = (await exit) as [number | null, NodeJS.Signals | null];
  killGroup(pid);
  // A process that has left the group may hold the pipe for ever; it does not hold up the container's end.
  await Promise.race([output.ended, sleep(LAST_LINES_MS, undefined, { ref: false })]);
  guardian.remove(pid);
  return { exitCode: code ?? 128 + (signal === null ? 0 : constants.signals[signal]) };
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}

function answers(url: string, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      const { statusCode = 0 } = response;
      response.resume();
      response.on('error', () => {});
      resolve(statusCode >= 200 && statusCode < 400);
    });
    request.on('error', () => resolve(false));
  });
}

function accepts(address: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: timeoutMs });
    const end = (good: boolean): void => {
      socket.destroy();
      resolve(good);
    };
    socket.on('connect', () => end(true));
    socket.on('error', () => end(false));
    socket.on('timeout', () => end(false));
  });
}
