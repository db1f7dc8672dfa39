import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Route } from '@sluice/common/link/route.ts';
import { imageSettings } from '@sluice/test/bench/image-settings.ts';
import { testRoute } from '../../src/testing/route.ts';
import { SourceServer } from '../../src/testing/source-server.ts';
import { EdgePrograms, freePorts, type LinkFolder, until } from '../programs.ts';
import { ask, FILM } from '../stage.ts';
import { Witness } from '../witness.ts';

const ROOT = join(import.meta.dirname, '../../../..');
const SIDECAR = join(ROOT, 'images/edge/src/main.ts');

/** Segments of the neighbour, that its gap can be seen in. */
const NEIGHBOUR = { targetDurationSeconds: 1, windowSegments: 20 } as const;

/** One edge with a healthy channel that somebody watches, while others are attacked. */
export interface Neighbourhood {
  readonly edge: EdgePrograms;
  readonly neighbour: Route;
}

/** Resident memory in bytes, now or at its highest since {@link forgetPeak}. */
async function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
}

/** From here on the highest memory of a process counts anew (proc(5), clear_refs). */
const forgetPeak = (pid: number): Promise<void> => writeFile(`/proc/${pid}/clear_refs`, '5');

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;

/**
 * Runs an attack on an edge that has a healthy channel, and holds the edge to three things: its sidecar needs at most
 * `ceilingBytes` more than before, the healthy channel lists every segment of its source at every poll, and the operator's
 * link stays.
 * @returns what the attack says, and what it cost
 */
export async function besieged(
  link: LinkFolder,
  ceilingBytes: number,
  attack: (neighbourhood: Neighbourhood) => Promise<string>,
): Promise<string> {
  const source = new SourceServer({ now: Date.now, ...NEIGHBOUR });
  await source.listen();
  const { flags, environment } = imageSettings(ROOT, 'edge');
  const sidecar = [...flags, '--no-warnings', SIDECAR];
  const edge = await EdgePrograms.start('127.0.61.1', await freePorts(), link, { sidecar, environment });
  try {
    const secret = { uri: source.url, headers: { 'x-neighbour': randomUUID() }, facts: null };
    const neighbour = testRoute(source.url, { source: secret, mode: 'Proxy', owners: [edge.owner], ownerTerm: 1 });
    edge.snapshot([neighbour]);
    await until('the neighbour plays', 60, async () => (await ask(edge.url, `${FILM}/source.m3u8`)).status === 200);
    const witness = new Witness(`${FILM}/source.m3u8`, [edge]);
    await witness.sees(edge, 2, 0);
    const [sidecar] = edge.pids;
    const before = await memoryOf(sidecar, 'VmRSS');
    await forgetPeak(sidecar);
    const facts = await attack({ edge, neighbour });
    const grown = (await memoryOf(sidecar, 'VmHWM')) - before;
    // Whatever was listed late is listed now: what is missing would be a gap.
    await witness.sees(edge, 2, source.newestMsn);
    assert.deepEqual(witness.refusals(edge), [], 'the neighbour was refused');
    const { entries = [] } = witness.newest(edge) ?? {};
    assert.deepEqual(
      entries.filter(({ gap, discontinuity }) => gap || discontinuity),
      [],
      'the neighbour has a gap',
    );
    await witness.stop();
    assert.equal(edge.operator.closeCode, null, "the operator's link was cut");
    assert.ok(grown <= ceilingBytes, `the sidecar grew by ${megabytes(grown)} from ${megabytes(before)}`);
    return `${facts}, ${megabytes(Math.max(0, grown))} more memory than ${megabytes(before)} at most`;
  } catch (error) {
    process.stdout.write(edge.log);
    throw error;
  } finally {
    await edge.stop();
    await source.close();
  }
}
