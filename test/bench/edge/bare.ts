import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstWordsOf, groupOf, type Started, startProgram, stopProgram } from './subject.ts';

/** A bare node:http server that runs: it answers at a socket and at a port of loopback. */
export interface BareServer {
  readonly socketPath: string;
  readonly url: string;
  readonly group: number;
  stop(): Promise<void>;
}

/** Starts the least that an HTTP server of Node's can do. @param body what it answers to everybody */
export async function startBareServer(started: Started, body: Buffer): Promise<BareServer> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bare-'));
  const socketPath = join(folder, 'bare.sock');
  const program = join(import.meta.dirname, 'bare-server.ts');
  const child = startProgram(process.execPath, ['--no-warnings', program, socketPath], 'pipe');
  const stop = async (): Promise<void> => {
    await stopProgram(child);
    await rm(folder, { recursive: true, force: true });
  };
  started.add(child, stop);
  child.stdin?.end(body);
  // One that dies has closed it: that is told by its end.
  child.stdin?.on('error', () => {});
  const url = await firstWordsOf(child);
  return { socketPath, url, group: groupOf(child), stop };
}
