import { readdirSync, readFileSync } from 'node:fs';
import { parseStat, parseUsage } from '../bench/process-usage.ts';
import type { EdgePod } from './edges.ts';
import type { Holding } from './growth.ts';
import { type Held, heldBy } from './held.ts';

/** One process, or container, from its start to its end or the soak's. */
export interface Life {
  /** Of its pod and container. */
  readonly name: string;
  readonly group: number;
  readonly holdings: Holding[];
}

/** Name of the operator's life. */
export const OPERATOR = 'operator';

/** Container of an edge that is a program of ours, which says what it holds after a collection ({@link heldBy}). */
const PROGRAM = 'sidecar';

/** Keeps what the operator and each container of the edges hold; one that was started again has another life. */
export class Holdings {
  readonly #lives = new Map<string, Life>();
  readonly #folder: string;

  /** @param folder in which programs say what they hold */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param viewersAt connections that viewers have to an edge; each is a descriptor of its nginx */
  take(second: number, operatorPid: number, edges: readonly EdgePod[], viewersAt: (address: string) => number): void {
    const groups = processesByGroup();
    // It leads no group of its own, and its pods are of others.
    this.#add({ name: OPERATOR, group: operatorPid, second }, [operatorPid], 0, heldBy(this.#folder, operatorPid));
    for (const { name, address, groups: containers } of edges) {
      for (const [container, group] of containers) {
        const viewers = container === 'nginx' ? viewersAt(address) : 0;
        const held = container === PROGRAM ? heldBy(this.#folder, group) : 'unsaid';
        this.#add({ name: `${name} ${container}`, group, second }, groups.get(group), viewers, held);
      }
    }
  }

  get lives(): readonly Life[] {
    return [...this.#lives.values()];
  }

  /** @param held what the program says it holds; null: nothing yet; `unsaid`: it never does, and all of it counts */
  #add(
    { name, group, second }: { readonly name: string; readonly group: number; readonly second: number },
    pids: readonly number[] | undefined,
    viewers: number,
    held: Held | 'unsaid' | null,
  ): void {
    if (pids === undefined || held === null) return;
    const key = `${name} ${group}`;
    const life = this.#lives.get(key) ?? { name, group, holdings: [] };
    this.#lives.set(key, life);
    const all = pids.map(holdingOf);
    const sum = (of: (one: { bytes: number; descriptors: number }) => number) =>
      all.reduce((total, one) => total + of(one), 0);
    const megabytes = sum(({ bytes }) => bytes) / 1e6;
    const heldMegabytes = held === 'unsaid' ? megabytes : held.bytes / 1e6;
    const objectMegabytes = held === 'unsaid' ? 0 : held.objectBytes / 1e6;
    const descriptors = sum((one) => one.descriptors) - viewers;
    life.holdings.push({ second, megabytes, heldMegabytes, objectMegabytes, descriptors });
  }
}

/** The processes of this machine by their process groups. */
function processesByGroup(): ReadonlyMap<number, readonly number[]> {
  const groups = new Map<number, number[]>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const stat = textOf(`/proc/${pid}/stat`);
    if (stat === '') continue;
    const { group } = parseStat(stat);
    groups.set(group, [...(groups.get(group) ?? []), Number(pid)]);
  }
  return groups;
}

function holdingOf(pid: number): { bytes: number; descriptors: number } {
  const { residentBytes } = parseUsage(textOf(`/proc/${pid}/stat`), textOf(`/proc/${pid}/status`));
  return { bytes: residentBytes, descriptors: countOf(`/proc/${pid}/fd`) };
}

/** Empty for a process that has just ended. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function countOf(folder: string): number {
  try {
    return readdirSync(folder).length;
  } catch {
    return 0;
  }
}
