import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants as systemConstants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { request } from 'undici';

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

/** A process that was started, with all that it starts itself. After its end nothing happens to it. */
export interface LocalProcess {
  readonly pid: number;
  /** Its exit code, 128 and the signal's number if a signal ended it, as soon as nothing of its group is left. */
  readonly ended: Promise<number>;
  /** Signals the process alone, as a container's first one. */
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

/** This machine. @param lastLinesMs what is in the pipe at the end of a process is read within this */
export function createLocalMachine(lastLinesMs = 1000): Machine {
  return {
    launch: (start) => launch(start, lastLinesMs),
    async get(url, timeoutMs) {
      const answer = await request(url, { signal: AbortSignal.timeout(timeoutMs), reset: true }).catch(() => null);
      await answer?.body.dump().catch(() => {});
      return answer !== null && answer.statusCode < 400;
    },
  };
}

async function launch(
  { command, environment, directory, onLine }: ProcessStart,
  lastLinesMs: number,
): Promise<LocalProcess> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    cwd: directory, // by which the guardian knows it
    env: { ...environment },
    detached: true, // a session and a process group of its own: Ctrl-C does not reach it, and all of it can be killed
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outputs = [child.stdout, child.stderr];
  for (const output of outputs) cutLines(output.setEncoding('utf8'), onLine);
  const exit = once(child, 'exit').catch(() => [255, null]); // an error of its start is told below
  const closed = once(child, 'close').catch(() => {});
  try {
    await once(child, 'spawn');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'is not installed' : message;
    throw new SluiceError(`${program} ${why}`, { code: 'PROGRAM_MISSING', retryable: true, cause });
  }
  const group = { pid: child.pid as number, isOver: false };
  /** The end of the first process is the end of the container: what it leaves behind is killed, as with a PID namespace. */
  const end = async (): Promise<number> => {
    const [code, signal] = (await exit) as [number | null, NodeJS.Signals | null];
    killGroup(group);
    group.isOver = true; // its number may be given to a stranger
    // A process that has left the group may hold the pipes for ever; it holds up neither the container's end nor ours.
    await Promise.race([closed, sleep(lastLinesMs, undefined, { ref: false })]);
    for (const output of outputs) output.destroy();
    return code ?? 128 + (signal === null ? 0 : systemConstants.signals[signal]);
  };
  return { pid: group.pid, ended: end(), signal: (name) => void child.kill(name), kill: () => killGroup(group) };
}

function killGroup({ pid, isOver }: { readonly pid: number; readonly isOver: boolean }): void {
  try {
    if (!isOver) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}

/** Cuts text that comes in pieces into lines, and endless lines into pieces; the last piece ends a line, too. */
export function cutLines(stream: NodeJS.EventEmitter, onLine: (line: string) => void): void {
  let rest = '';
  stream.on('data', (text: string) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
    for (; rest.length > MAX_LINE_LENGTH; rest = rest.slice(MAX_LINE_LENGTH)) onLine(rest.slice(0, MAX_LINE_LENGTH));
  });
  stream.on('close', () => rest === '' || onLine(rest));
}
