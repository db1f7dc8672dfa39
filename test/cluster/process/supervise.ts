import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { waitUntil } from './wait.ts';

/** A process as its pid file remembers it. A pid alone may be reused by a stranger; the start time tells them apart. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTicks: string;
}

/** Where a daemon leaves its traces. */
export interface DaemonFiles {
  /** Folder of `<name>.pid`. */
  readonly pidDirectory: string;
  /** Folder of `<name>.log`. */
  readonly logDirectory: string;
}

/** The start time in the text of /proc/PID/stat, or null for a process that has ended and waits to be reaped. */
export function startTicksOf(statText: string): string | null {
  // The command name stands in brackets and may hold spaces and brackets itself: count fields after the last one.
  const fields = statText.slice(statText.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
}

function readStartTicks(pid: number): string | null {
  try {
    return startTicksOf(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return null;
  }
}

/** Whether this very process still runs: an id that another process has got since does not count. */
export function isRunning(identity: ProcessIdentity): boolean {
  return readStartTicks(identity.pid) === identity.startTicks;
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTicks: readStartTicks(process.pid) ?? '' };
}

/**
 * Starts a program that outlives this one: its own session, output appended to `<name>.log`, identity in `<name>.pid`.
 * @throws SluiceError `DAEMON_FAILED` if it has ended before its pid file could be written
 */
export async function startDaemon(
  files: DaemonFiles,
  name: string,
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ProcessIdentity> {
  await mkdir(files.pidDirectory, { recursive: true });
  await mkdir(files.logDirectory, { recursive: true });
  const log = await open(join(files.logDirectory, `${name}.log`), 'a');
  try {
    const child = spawn(program, args, {
      detached: true,
      cwd: '/',
      env: { ...environment },
      stdio: ['ignore', log.fd, log.fd],
    });
    const started = new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    await started;
    child.unref();
    const startTicks = child.pid === undefined ? null : readStartTicks(child.pid);
    if (child.pid === undefined || startTicks === null) throw daemonFailed(files, name);
    const identity = { pid: child.pid, startTicks };
    await writeFile(join(files.pidDirectory, `${name}.pid`), JSON.stringify(identity));
    return identity;
  } finally {
    await log.close();
  }
}

/** The process of a pid file if it still runs, else null. */
export function findDaemon(files: DaemonFiles, name: string): ProcessIdentity | null {
  const path = join(files.pidDirectory, `${name}.pid`);
  if (!existsSync(path)) return null;
  try {
    const identity = JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity;
    return isRunning(identity) ? identity : null;
  } catch {
    return null;
  }
}

/** Names of all pid files, whether their processes run or not. */
export async function listDaemons(files: DaemonFiles): Promise<string[]> {
  if (!existsSync(files.pidDirectory)) return [];
  const names = await readdir(files.pidDirectory);
  return names.filter((name) => name.endsWith('.pid')).map((name) => name.slice(0, -'.pid'.length));
}

/** Waits until `ready`, but no longer than the daemon lives: its log's end is the better error then. */
export async function waitForDaemon(
  files: DaemonFiles,
  name: string,
  timeoutSeconds: number,
  ready: () => Promise<boolean>,
): Promise<void> {
  let ended = false;
  await waitUntil(`${name} (log: ${join(files.logDirectory, `${name}.log`)})`, timeoutSeconds, async () => {
    ended = findDaemon(files, name) === null;
    return ended || (await ready());
  });
  if (ended) throw daemonFailed(files, name);
}

/** SIGTERM, `graceSeconds`, SIGKILL; returns when the process is gone and its ports are free. */
export async function stopDaemon(files: DaemonFiles, name: string, graceSeconds: number): Promise<void> {
  const identity = findDaemon(files, name);
  if (identity !== null) {
    signal(identity, 'SIGTERM');
    const deadline = performance.now() + graceSeconds * 1000;
    while (isRunning(identity) && performance.now() < deadline) await sleep(50);
    if (isRunning(identity)) signal(identity, 'SIGKILL');
    await waitUntil(`${name} (pid ${identity.pid}) to end`, 10, async () => !isRunning(identity));
  }
  await rm(join(files.pidDirectory, `${name}.pid`), { force: true });
}

function signal(identity: ProcessIdentity, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    if (isRunning(identity)) process.kill(identity.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function daemonFailed(files: DaemonFiles, name: string): SluiceError {
  const path = join(files.logDirectory, `${name}.log`);
  const tail = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').slice(-15).join('\n') : '';
  return new SluiceError(`${name} ended at once; the end of ${path}:\n${tail}`, {
    code: 'DAEMON_FAILED',
    retryable: false,
  });
}
