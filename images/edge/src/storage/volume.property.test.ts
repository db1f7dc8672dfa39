import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { createLogger } from '@sluice/common/log/log.ts';
import fc from 'fast-check';
import { blockBytes, type ChannelFiles } from './files.ts';
import { writeWhole } from './folder.ts';
import type { Standing } from './room.ts';
import { MediaVolume } from './volume.ts';

const BLOCK = 4096;
const LIMIT = 12 * BLOCK;
const KEYS = ['default/a', 'default/b', 'default/c'] as const;
const STANDINGS: readonly Standing[] = ['expired', 'unwatched', 'retired', 'copy', 'leaving', 'kept'];

const key = fc.constantFrom(...KEYS);
const number = fc.nat(9);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      key,
      number,
      bytes: fc.integer({ min: 1, max: 20_000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), key, number }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('refuse' as const), writes: fc.integer({ min: 1, max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 40 }) }) },
);

/** A file's standing follows from its name: odd numbers have no other copy. */
function standingOf(name: string): Standing {
  const msn = Number(/(\d+)\.0\.ts$/.exec(name)?.[1]);
  return msn % 2 === 1 ? 'kept' : (STANDINGS[msn / 2] ?? 'kept');
}

async function blocksBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => stat(join(entry.parentPath, entry.name)));
  return (await Promise.all(files)).reduce((sum, { size }) => sum + blockBytes(size), 0);
}

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const nameOf = (msn: number): string => `s/a.1/source/${msn}.0.ts`;

/** A volume whose file system refuses files now and then, and its channels. */
class World {
  readonly root: string;
  readonly volume: MediaVolume;
  readonly channels = new Map<string, ChannelFiles>();
  /** Files that may only go by their channel's own will. */
  readonly #kept = new Set<string>();
  #now = 0;
  #refusals = 0;

  constructor(root: string) {
    this.root = root;
    this.volume = new MediaVolume({
      limitBytes: LIMIT,
      now: () => this.#now,
      logger: createLogger({ name: 'test', level: 'silent' }),
      writeFile: async (path, bytes) => {
        this.#refusals -= 1;
        if (this.#refusals >= 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        await writeWhole(path, bytes);
      },
    });
  }

  async open(of: string): Promise<void> {
    const files = await this.volume.open(of, join(this.root, of));
    files.rank(standingOf);
    this.channels.set(of, files);
  }

  /** Writes of a round happen at the same time, one of each name, everything else before. */
  async round(steps: readonly Step[]): Promise<void> {
    this.#now += 100;
    const writes = new Map<string, Step & { kind: 'write' }>();
    for (const one of steps) {
      if (one.kind === 'write') writes.set(`${one.key} ${one.number}`, one);
      else await this.#alone(one);
    }
    const before = [...this.#kept].filter((file) => this.#isThere(file));
    await Promise.all(
      [...writes.values()].map(({ key: of, number: msn, bytes }) =>
        this.channels
          .get(of)
          ?.write(nameOf(msn), new Uint8Array(bytes))
          .catch(() => undefined),
      ),
    );
    expect(before.filter((file) => !this.#isThere(file))).toEqual([]);
    for (const [file, { number: msn }] of writes) if (msn % 2 === 1) this.#kept.add(file);
  }

  async #alone(one: Exclude<Step, { kind: 'write' }>): Promise<void> {
    if (one.kind === 'refuse') this.#refusals = one.writes;
    else if (one.kind === 'pass') this.#now += one.seconds * 1000;
    else if (one.kind === 'reopen') await this.open(one.key);
    else if (one.kind === 'clear') await this.channels.get(one.key)?.clear();
    else await this.channels.get(one.key)?.remove(nameOf(one.number));
  }

  #isThere(file: string): boolean {
    const [of = '', msn] = file.split(' ');
    return this.channels.get(of)?.has(nameOf(Number(msn))) === true;
  }
}

test('what is counted lies on the disk, within the limit, whatever is written at the same time and refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 8 }), async (rounds) => {
      const world = new World(await mkdtemp(join(tmpdir(), 'sluice-volume-')));
      for (const of of KEYS) await world.open(of);
      for (const round of rounds) {
        await world.round(round);
        expect(world.volume.bytes).toBe(await blocksBelow(world.root));
        expect(world.volume.bytes).toBeLessThanOrEqual(LIMIT);
      }
      await rm(world.root, { recursive: true });
    }),
    { numRuns: 30 },
  );
});
