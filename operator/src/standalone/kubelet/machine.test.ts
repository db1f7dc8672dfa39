import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startGuardian } from './guardian.ts';
import { createLocalMachine, type LocalProcess } from './machine.ts';

let root: string;
let folder: string;
let cleanUp: () => Promise<void>;
let lines: string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'machine-'));
  cleanUp = startGuardian(root);
  folder = join(root, 'pod');
  mkdirSync(folder);
  lines = [];
});
afterEach(() => cleanUp());

/** Runs a shell script as a container's first process. */
function launch(script: string, lastLinesMs?: number): Promise<LocalProcess> {
  return createLocalMachine(lastLinesMs).launch({
    command: ['sh', '-c', script],
    environment: { PATH: '/usr/bin:/bin', GREETING: 'hello' },
    directory: folder,
    onLine: (line) => lines.push(line),
  });
}

/** Whether anything of a process group runs; what has ended and is not reaped yet counts no more. */
function exists(group: number): boolean {
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false;
    const file = `/proc/${name}/stat`;
    try {
      const text = readFileSync(file, 'utf8');
      const [state, , pgrp] = text.slice(text.lastIndexOf(')') + 2).split(' ');
      return state !== 'Z' && Number(pgrp) === group;
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

/** A process that is killed has closed its pipe a moment before it has ended. */
async function untilGone(group: number): Promise<void> {
  while (exists(group)) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('a process', () => {
  test('finds its own environment and folder, prints on both streams, and tells how it ended', async () => {
    const process = await launch('echo $GREETING $HOME; pwd; echo error >&2; printf last; exit 3');
    expect(await process.ended).toBe(3);
    expect(lines.toSorted()).toEqual([folder, 'error', 'hello', 'last']);
  });

  test('takes everything that it has started along', async () => {
    const process = await launch('sleep 600 & echo started');
    expect(await process.ended).toBe(0);
    await untilGone(process.pid);
  });

  test('is over although something that has left its group holds it', async () => {
    const process = await launch('setsid sleep 600 & echo $!; while ! [ -e left ]; do sleep 0.01; done', 10);
    while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    const stray = Number(lines[0]);
    try {
      while (!exists(stray)) await new Promise((resolve) => setTimeout(resolve, 2));
      writeFileSync(join(folder, 'left'), '');
      expect(await process.ended).toBe(0);
    } finally {
      globalThis.process.kill(stray, 'SIGKILL');
    }
  });

  test('gets a signal alone, and SIGKILL with its group', async () => {
    const polite = await launch('trap "echo bye; exit 0" QUIT; sleep 600 & echo ready; wait');
    while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    polite.signal('SIGQUIT');
    expect(await polite.ended).toBe(0);
    expect(lines).toEqual(['ready', 'bye']);
    const stubborn = await launch('trap "" TERM; sleep 600 & wait');
    stubborn.kill();
    expect(await stubborn.ended).toBe(137);
    await untilGone(stubborn.pid);
  });

  test('that is not installed is named', async () => {
    const start = { command: ['no-such-program'], environment: {}, directory: folder, onLine: () => {} };
    await expect(createLocalMachine().launch(start)).rejects.toThrow('no-such-program is not installed');
  });
});

test('the guardian ends what is left, even what has left its group, and removes the folder', async () => {
  writeFileSync(join(folder, 'file'), '');
  const left = await launch('setsid sleep 600 & echo $!; exec sleep 600');
  while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  await cleanUp();
  expect(await left.ended).toBe(137);
  await untilGone(Number(lines[0]));
  expect(existsSync(root)).toBe(false);
});

test('the guardian spares a shell in which a person looks at the files', async () => {
  const command = 'cd "$0" && echo $$ && exec sleep 600';
  // Of bsdutils, which every Debian has: runs a command with a terminal.
  const person = spawn('script', ['-qec', `sh -c '${command}' ${folder}`, '/dev/null'], { cwd: '/' });
  const [pid] = await once(person.stdout.setEncoding('utf8'), 'data');
  try {
    await cleanUp();
    expect(existsSync(root)).toBe(false);
    expect(readFileSync(`/proc/${Number(pid)}/cmdline`, 'utf8')).toContain('sleep'); // empty for one that is killed
  } finally {
    process.kill(Number(pid), 'SIGKILL');
    await once(person, 'exit');
  }
});

test('probes want an answer from 200 to 399', async () => {
  const server = createServer((request, response) => {
    response.writeHead(Number(request.url?.slice(1))).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const machine = createLocalMachine();
  const get = (status: number) => machine.get(`http://127.0.0.1:${port}/${status}`, 1000);
  expect([await get(200), await get(302), await get(404), await get(503)]).toEqual([true, true, false, false]);
  await new Promise((resolve) => server.close(resolve));
  expect(await get(200)).toBe(false);
});
