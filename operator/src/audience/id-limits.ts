/**
 * Most ids that one edge may name for one channel. An edge itself stops at 100,000; a fifth more bounds what a broken or
 * hostile edge can make the operator remember.
 */
const MAX_IDS_PER_EDGE = 120_000;

/**
 * Most ids that one edge may name for all channels together, some 220 bytes each. An edge itself counts 250,000 at most
 * (MAX_IDS_PER_EDGE there).
 */
export const MAX_IDS_OF_EDGE = 300_000;

/**
 * How many ids more an edge may name for a channel.
 * @param present ids that it names already for the channel @param others for all other channels
 * @param maxIdsOfEdge for all channels
 */
export function roomForIds(present: number, others: number, maxIdsOfEdge: number): number {
  return Math.max(0, Math.min(MAX_IDS_PER_EDGE, maxIdsOfEdge - others) - present);
}
