import type { LinkFolder } from '../programs.ts';
import { flood, neverReading, slowHeads } from './crowds.ts';
import { besieged } from './one-edge.ts';
import { poison, traverse } from './paths.ts';
import { readAsAnEdge } from './secrets.ts';
import { smuggle } from './smuggling.ts';
import { strangers } from './strangers.ts';

/**
 * What the sidecar may need more while all attacks run: ten thousand sessions at a kilobyte, fifty event streams with
 * 16 kB unsent, and what the runtime has not collected yet.
 */
const CEILING_BYTES = 80_000_000;

/** Every hostile client at the same time at one edge. */
export function hostileClients(link: LinkFolder): Promise<string> {
  return besieged(link, CEILING_BYTES, async ({ edge, neighbour }) => {
    const readers = await neverReading(edge);
    const [ambiguous, ways, poisons, heads, sessions, guests, bytes] = await Promise.all([
      smuggle(edge),
      traverse(edge),
      poison(edge),
      slowHeads(edge),
      flood(edge),
      strangers(edge, link),
      readAsAnEdge(edge, link, neighbour),
    ]);
    for (const reader of readers) reader.destroy();
    // Among strangers who wait at its door the operator gets in.
    edge.operator.socket.terminate();
    await edge.linkOperator();
    const counts = `${ambiguous} ambiguous requests, ${ways} ways out, ${poisons} poisons, ${heads} slow heads`;
    return `${counts}, ${readers.length} who never read, ${sessions} sessions, ${guests} strangers, no secret in ${bytes} bytes`;
  });
}
