import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { StandaloneSettings } from './settings.ts';
import { startStandalone } from './start.ts';
import { createTerminal } from './terminal.ts';

describe('a start that cannot succeed', () => {
  let folder: string;
  let taken: Server;
  let output: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-start-'));
    taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    output = '';
  });

  afterEach(async () => {
    taken.close();
    await rm(folder, { recursive: true, force: true });
  });

  const settings = (changes: Partial<StandaloneSettings>): StandaloneSettings => ({
    input: folder,
    pagePort: 0,
    programs: { bundles: folder, demoSource: folder, film: join(folder, 'film.mp4') },
    path: '/bin',
    allowedCidrs: [],
    allLogs: false,
    ...changes,
  });
  const start = (changes: Partial<StandaloneSettings>) =>
    startStandalone(settings(changes), createTerminal({ write: (text) => (output += text) }));
  const port = () => (taken.address() as AddressInfo).port;

  test('names the input that cannot be read', async () => {
    await expect(start({ input: join(folder, 'none') })).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });

  test('names the setting of a port that is taken, after it has said what is wrong in the files', async () => {
    await writeFile(
      join(folder, 'film.yaml'),
      'apiVersion: sluice.dev/v1alpha1\nkind: Chanel\nmetadata: {name: film}\n',
    );
    await expect(start({ pagePort: port() })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining('SLUICE_PORT'),
    });
    expect(output).toContain('film.yaml:2: kind: Chanel (sluice.dev/v1alpha1) is not known here; known: Channel (');
  });

  test('ends what it has started: the folder of the run, its processes and addresses', async () => {
    const { TMPDIR } = process.env;
    process.env.TMPDIR = folder; // other runs of this machine come and go in the usual one
    try {
      await expect(start({ pagePort: port() })).rejects.toMatchObject({
        code: 'PORT_IN_USE',
        message: expect.stringContaining('SLUICE_PORT'),
      });
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
    }
    expect(await readdir(folder)).toEqual([]);
  });
});
