import { setTimeout as sleep } from 'node:timers/promises';
import type { LinkFolder } from '../programs.ts';
import { flood, neverReading, slowHeads } from './crowds.ts';
import { besieged, type Neighbourhood } from './one-edge.ts';
import { poison, traverse } from './paths.ts';
import { readAsAnEdge } from './secrets.ts';
import { smuggle } from './smuggling.ts';
import { strangers } from './strangers.ts';
import { type Toll, tollTable } from './toll.ts';

/**
 * What the sidecar may need more while all attacks run: ten thousand sessions at a kilobyte, fifty event streams with
 * 16 kB unsent, and what the runtime has not collected yet.
 */
const ALL_CEILING_BYTES = 80_000_000;

/** For one attack by itself: the same, as every one of them may make the runtime collect later. */
const CEILING_BYTES = 60_000_000;

/** Who is slow is hung up on after 10 s; the others take seconds, or some tens of them on a busy machine. */
const WITHIN_SECONDS = 90;

/** An attack. @returns what it has done, in words */
type Attack = (neighbourhood: Neighbourhood, link: LinkFolder) => Promise<string>;

const ATTACKS = {
  smuggling: async ({ edge }) => `${await smuggle(edge)} ambiguous requests`,
  traversal: async ({ edge }) => `${await traverse(edge)} ways out`,
  poisoning: async ({ edge }) => `${await poison(edge)} poisons`,
  'slow heads': async ({ edge }) => `${await slowHeads(edge)} slow heads`,
  'slow readers': async (neighbourhood) => `${await outlastReaders(neighbourhood)} slow readers`,
  flood: async ({ edge }) => `${await flood(edge)} sessions`,
  strangers: async ({ edge }, link) => `${await strangers(edge, link)} strangers`,
  'another edge': async ({ edge, neighbour }, link) =>
    `no secret in ${await readAsAnEdge(edge, link, neighbour)} bytes`,
} satisfies Record<string, Attack>;

/** What is done one after the other at one edge: each of these takes about as long as the slow heads. */
const LANES: readonly (readonly (keyof typeof ATTACKS)[])[] = [
  ['smuggling', 'traversal', 'poisoning', 'strangers', 'another edge'],
  ['slow heads'],
  ['slow readers', 'flood'],
];

/** How long viewers who never read are there by themselves, in ms: several segments of the channel beside them. */
const UNREAD_MS = 5_000;

async function outlastReaders({ edge }: Neighbourhood): Promise<number> {
  const readers = await neverReading(edge);
  await sleep(UNREAD_MS);
  for (const reader of readers) reader.destroy();
  return readers.length;
}

async function oneByOne(link: LinkFolder, facts: string[]): Promise<readonly Toll[]> {
  const bounds = { ceilingBytes: CEILING_BYTES, withinSeconds: WITHIN_SECONDS };
  const lanes = LANES.map((names, lane) =>
    besieged(link, `127.0.61.${lane + 1}`, async (neighbourhood) => {
      for (const name of names) {
        facts.push(await neighbourhood.attack(name, bounds, () => ATTACKS[name](neighbourhood, link)));
      }
    }),
  );
  return (await Promise.all(lanes)).flat();
}

function allAtOnce(link: LinkFolder, facts: string[]): Promise<readonly Toll[]> {
  const bounds = { ceilingBytes: ALL_CEILING_BYTES, withinSeconds: WITHIN_SECONDS };
  return besieged(link, '127.0.61.9', (neighbourhood) =>
    neighbourhood.attack('all at once', bounds, async () => {
      const { edge } = neighbourhood;
      const readers = await neverReading(edge);
      const { 'slow readers': _, ...others } = ATTACKS;
      await Promise.all(Object.values(others).map((run) => run(neighbourhood, link)));
      for (const reader of readers) reader.destroy();
      // Among strangers who wait at its door the operator gets in.
      edge.operator.socket.terminate();
      await edge.linkOperator();
      facts.push(`${readers.length} who never read`);
    }),
  );
}

/** Every hostile client by itself, and all of them at the same time among those who never read. */
export async function hostileClients(link: LinkFolder): Promise<string> {
  const facts: string[] = [];
  const tolls = (await Promise.all([allAtOnce(link, facts), oneByOne(link, facts)])).flat();
  return `${facts.join(', ')}\n${tollTable(tolls)}`;
}
