import { readdirSync, readFileSync } from 'node:fs';
import { parseStat, parseUsage } from '../bench/process-usage.ts';
import type { EdgePod } from './edges.ts';
import type { Holding } from './growth.ts';

/** One process, or container, from its start to its end or the soak's. */
export interface Life {
  /** Of its pod and container. */
  readonly name: string;
  readonly group: number;
  readonly holdings: Holding[];
}

/** Keeps what the operator and each container of the edges hold; one that was started again has another life. */
export class Holdings {
  readonly #lives = new Map<string, Life>();

  /** @param viewersAt connections that viewers have to an edge; each is a descriptor of its nginx */
  take(second: number, operatorPid: number, edges: readonly EdgePod[], viewersAt: (address: string) => number): void {
    const groups = processesByGroup();
    // It leads no group of its own, and its pods are of others.
    this.#add('operator', operatorPid, second, [operatorPid], 0);
    for (const { name, address, groups: containers } of edges) {
      for (const [container, group] of containers) {
        const viewers = container === 'nginx' ? viewersAt(address) : 0;
        this.#add(`${name} ${container}`, group, second, groups.get(group), viewers);
      }
    }
  }

  get lives(): readonly Life[] {
    return [...this.#lives.values()];
  }

  #add(name: string, group: number, second: number, pids: readonly number[] | undefined, viewers: number): void {
    if (pids === undefined) return;
    const key = `${name} ${group}`;
    const life = this.#lives.get(key) ?? { name, group, holdings: [] };
    this.#lives.set(key, life);
    const held = pids.map(holdingOf);
    const sum = (of: (one: { bytes: number; descriptors: number }) => number) =>
      held.reduce((total, one) => total + of(one), 0);
    const megabytes = sum(({ bytes }) => bytes) / 1e6;
    life.holdings.push({ second, megabytes, descriptors: sum(({ descriptors }) => descriptors) - viewers });
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
