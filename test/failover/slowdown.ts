import { setTimeout as sleep } from 'node:timers/promises';

/** CPU time of one look in ms: longer than the turn that a scheduler gives to a process that has just woken up. */
const LOOK_CPU_MILLISECONDS = 25;
/** Between two looks, in ms: they take a tenth of a core on a machine that has nothing else to do. */
const PAUSE_MILLISECONDS = 225;

/** What computing took. */
export interface Effort {
  readonly wallMilliseconds: number;
  readonly cpuMilliseconds: number;
}

/** How many times longer computing took than on a core of its own; 1 without any look. */
export function slowdownOf(efforts: readonly Effort[]): number {
  const sum = (of: (effort: Effort) => number) => efforts.reduce((total, effort) => total + of(effort), 0);
  const cpu = sum(({ cpuMilliseconds }) => cpuMilliseconds);
  return cpu === 0 ? 1 : Math.max(1, sum(({ wallMilliseconds }) => wallMilliseconds) / cpu);
}

/**
 * Measures meanwhile how much longer computing takes here than on a core of its own, by computing: what programs of this
 * machine do in that time they do as much later, for no fault of theirs.
 */
export async function slowdownDuring<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly slowdown: number }> {
  const efforts: Effort[] = [];
  const over = new AbortController();
  const looking = (async () => {
    while (!over.signal.aborted) {
      efforts.push(compute());
      await sleep(PAUSE_MILLISECONDS, undefined, { signal: over.signal }).catch(() => {});
    }
  })();
  try {
    const result = await work();
    return { result, slowdown: slowdownOf(efforts) };
  } finally {
    over.abort();
    await looking;
  }
}

function compute(): Effort {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  for (;;) {
    const { user, system } = process.cpuUsage(before);
    const cpuMilliseconds = (user + system) / 1000;
    if (cpuMilliseconds >= LOOK_CPU_MILLISECONDS) {
      return { wallMilliseconds: performance.now() - startedAt, cpuMilliseconds };
    }
  }
}
