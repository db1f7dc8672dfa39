/** What a process held at one moment. */
export interface Holding {
  /** Seconds since the soak's start. */
  readonly second: number;
  /** Resident memory in megabytes, all processes of its group together. */
  readonly megabytes: number;
  /** What of it is held, in megabytes: without what a program's garbage collector has not given back yet. */
  readonly heldMegabytes: number;
  /** Of it JavaScript objects and their buffers that are in use; 0 of other programs. */
  readonly objectMegabytes: number;
  /** Open descriptors of the group, less those of viewers' connections. */
  readonly descriptors: number;
}

/** How a process has grown between the beginning and the end of its settled life, as medians of a third of it each. */
export interface Growth {
  /** Length of the life that was judged, in seconds. */
  readonly seconds: number;
  /** Of what is held. */
  readonly megabytes: number;
  readonly objectMegabytes: number;
  readonly descriptors: number;
}

/** Until everybody is there and every buffer has been used once, a process grows for good reasons. */
const SETTLE_SECONDS = 60;
/** Less than this says nothing: modes, audience and owner must have changed in it. */
const LEAST_SECONDS = 60;
/**
 * Objects that a process may hold more at the end of a life than at its beginning: an edge by which viewers of a killed one go
 * on, and which owns the channel then, has their sessions and its segments in hand.
 */
export const MOST_OBJECT_MEGABYTES = 10;
/** The same of all its memory: what allocators and compilers keep for themselves goes up and down by a third of this. */
export const MOST_MEGABYTES = 40;
/** Connections between edges, to the source and to files come and go with owner and mode. */
export const MOST_DESCRIPTORS = 64;

/** @param life of one process from its start on, in order. @returns null for a life that is too short to be judged */
export function growthOf(life: readonly Holding[]): Growth | null {
  const from = (life[0]?.second ?? 0) + SETTLE_SECONDS;
  const settled = life.filter(({ second }) => second >= from);
  const seconds = (settled.at(-1)?.second ?? 0) - (settled[0]?.second ?? 0);
  if (seconds < LEAST_SECONDS) return null;
  const third = Math.ceil(settled.length / 3);
  const [first, last] = [settled.slice(0, third), settled.slice(-third)];
  const grown = (of: (holding: Holding) => number) => median(last.map(of)) - median(first.map(of));
  return {
    seconds,
    megabytes: grown(({ heldMegabytes }) => heldMegabytes),
    objectMegabytes: grown(({ objectMegabytes }) => objectMegabytes),
    descriptors: grown(({ descriptors }) => descriptors),
  };
}

/** What is wrong with a growth, in words; empty if nothing is. */
export function growthFaults(name: string, { seconds, megabytes, objectMegabytes, descriptors }: Growth): string[] {
  const faults = [];
  if (objectMegabytes > MOST_OBJECT_MEGABYTES)
    faults.push(`${name}: objects in use grew by ${objectMegabytes.toFixed(0)} MB in ${seconds} s`);
  if (megabytes > MOST_MEGABYTES) faults.push(`${name}: memory grew by ${megabytes.toFixed(0)} MB in ${seconds} s`);
  if (descriptors > MOST_DESCRIPTORS) faults.push(`${name}: ${descriptors} more descriptors after ${seconds} s`);
  return faults;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
