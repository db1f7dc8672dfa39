import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Route } from '@sluice/common/link/route.ts';
import { imageSettings } from '@sluice/test/bench/image-settings.ts';
import { testRoute } from '../../src/testing/route.ts';
import { SourceServer } from '../../src/testing/source-server.ts';
import type { Command } from '../ending-with-parent.ts';
import { EdgePrograms, freePorts, type LinkFolder, until } from '../programs.ts';
import { ask, FILM } from '../stage.ts';
import { Witness } from '../witness.ts';
import { Pulse } from './pulse.ts';
import { type Bounds, judge, PeakMemory, type Toll } from './toll.ts';

const ROOT = join(import.meta.dirname, '../../../..');
const SIDECAR = join(ROOT, 'images/edge/src/main.ts');
const COLLECTING = ['--expose-gc', '--import', pathToFileURL(join(import.meta.dirname, 'collect-on-signal.mjs')).href];

/** Segments of the neighbour, that its gap can be seen in. */
const NEIGHBOUR = { targetDurationSeconds: 1, windowSegments: 20 } as const;

/** One edge with a healthy channel that somebody watches, while others are attacked. */
export interface Neighbourhood {
  readonly edge: EdgePrograms;
  readonly neighbour: Route;
  /**
   * Runs one attack, and the neighbour until its next segment: what was kept waiting shows in its gap.
   * @returns what the attack says. @throws AssertionError where it costs more than its bounds
   */
  attack<T>(name: string, bounds: Bounds, run: () => Promise<T>): Promise<T>;
}

/** What an edge may have different from others. */
export interface Besieged {
  /** Where the healthy channel's source listens, on loopback. */
  readonly sourceAddress?: string;
  /** A module that the sidecar loads first, as a URL. */
  readonly preload?: string;
  /** More of its environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Runs attacks on an edge that has a healthy channel, and holds the edge to this: each attack stays within its bounds, the
 * healthy channel lists every segment of its source at every poll, and the operator's link stays.
 * @param address of the edge, on loopback
 * @returns what each attack has cost
 */
export async function besieged(
  link: LinkFolder,
  address: string,
  attacks: (neighbourhood: Neighbourhood) => Promise<void>,
  { sourceAddress, preload, environment: more = {} }: Besieged = {},
): Promise<readonly Toll[]> {
  const source = new SourceServer({ now: Date.now, ...NEIGHBOUR });
  await source.listen(sourceAddress);
  const { flags, environment } = imageSettings(ROOT, 'edge');
  const first = preload === undefined ? [] : ['--import', preload];
  const sidecar: Command = [process.execPath, ...flags, ...COLLECTING, ...first, '--no-warnings', SIDECAR];
  const own = { sidecar, environment: { ...environment, ...more } };
  const edge = await EdgePrograms.start(address, await freePorts(), link, own);
  try {
    const secret = { uri: source.url, headers: { 'x-neighbour': randomUUID() }, facts: null };
    const neighbour = testRoute(source.url, { source: secret, mode: 'Proxy', owners: [edge.owner], ownerTerm: 1 });
    edge.snapshot([neighbour]);
    await until('the neighbour plays', 60, async () => (await ask(edge.url, `${FILM}/source.m3u8`)).status === 200);
    const siege = await Siege.begin(edge);
    await attacks({ edge, neighbour, attack: (name, bounds, run) => siege.attack(name, bounds, run) });
    return await siege.end(source);
  } catch (error) {
    process.stdout.write(edge.log);
    throw error;
  } finally {
    await edge.stop();
    await source.close();
  }
}

/** Watches an edge and its healthy channel. */
class Siege {
  readonly #tolls: Toll[] = [];
  readonly #edge: EdgePrograms;
  readonly #witness: Witness;
  readonly #memory: PeakMemory;

  private constructor(edge: EdgePrograms, witness: Witness) {
    this.#edge = edge;
    this.#witness = witness;
    this.#memory = new PeakMemory(edge.pids[0]);
  }

  static async begin(edge: EdgePrograms): Promise<Siege> {
    const witness = new Witness(`${FILM}/source.m3u8`, [edge]);
    await witness.sees(edge, 2, 0);
    return new Siege(edge, witness);
  }

  async attack<T>(name: string, bounds: Bounds, run: () => Promise<T>): Promise<T> {
    const pulse = new Pulse(() => this.#witness.end(this.#edge), this.#edge.pids[0]);
    try {
      await this.#memory.begin();
      const from = performance.now();
      const answer = await run();
      const seconds = (performance.now() - from) / 1000;
      await this.#witness.sees(this.#edge, 1);
      const { baseBytes } = this.#memory;
      const grownBytes = await this.#memory.grownBytes();
      const toll = { ...bounds, name, baseBytes, grownBytes, seconds, gap: pulse.end() };
      this.#tolls.push(toll);
      judge(toll);
      return answer;
    } finally {
      pulse.end();
    }
  }

  /** @param source of the healthy channel */
  async end(source: SourceServer): Promise<readonly Toll[]> {
    const [edge, witness] = [this.#edge, this.#witness];
    // Whatever was listed late is listed now: what is missing would be a gap.
    await witness.sees(edge, 2, source.newestMsn);
    assert.deepEqual(witness.refusals(edge), [], 'the neighbour was refused');
    const { entries = [] } = witness.newest(edge) ?? {};
    const broken = entries.filter(({ gap, discontinuity }) => gap || discontinuity);
    assert.deepEqual(broken, [], 'the neighbour has a gap');
    await witness.stop();
    assert.equal(edge.operator.closeCode, null, "the operator's link was cut");
    return this.#tolls;
  }
}
