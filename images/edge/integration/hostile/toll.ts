import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LongestGap } from './pulse.ts';

/** What an attack may cost, and whom. */
export interface Bounds {
  /** What the process under attack may need more than before, in bytes of resident memory. */
  readonly ceilingBytes: number;
  /** From the first byte of the attack until it is dealt with. */
  readonly withinSeconds: number;
}

/** What an attack has cost. */
export interface Toll extends Bounds {
  readonly name: string;
  /** Resident memory in front of the attack, garbage collected, and how much more it was at its highest. */
  readonly baseBytes: number;
  readonly grownBytes: number;
  readonly seconds: number;
  /** The longest that a healthy neighbour listed nothing new; null where there was none to look at. */
  readonly gap: LongestGap | null;
}

/** Time for a full collection, and for the kernel to get its pages back, in ms. */
const COLLECTION_MILLISECONDS = 150;

async function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1];
  assert.ok(kilobytes !== undefined, `the process ${pid} under attack has ended`);
  return Number(kilobytes) * 1024;
}

/** Highest resident memory of a process from {@link begin} on, by the kernel's own count (proc(5), clear_refs). */
export class PeakMemory {
  readonly #pid: number;
  #baseBytes = 0;

  /** @param pid of a process that has loaded `collect-on-signal.mjs` */
  constructor(pid: number) {
    this.#pid = pid;
  }

  get baseBytes(): number {
    return this.#baseBytes;
  }

  async begin(): Promise<void> {
    process.kill(this.#pid, 'SIGUSR2');
    await sleep(COLLECTION_MILLISECONDS);
    await writeFile(`/proc/${this.#pid}/clear_refs`, '5');
    this.#baseBytes = await memoryOf(this.#pid, 'VmRSS');
  }

  /** How much more than at the beginning it has needed at its highest, in bytes. */
  async grownBytes(): Promise<number> {
    return Math.max(0, (await memoryOf(this.#pid, 'VmHWM')) - this.#baseBytes);
  }
}

/**
 * A neighbour that lists nothing for so long is being harmed: a player has three target durations (of 1 s here) in its buffer.
 * The rest is for a machine that does something else at the moment.
 */
const MAX_GAP_SECONDS = 10;

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);

/** Fails where an attack has cost more than it may. */
export function judge(toll: Toll): void {
  const { name, grownBytes, ceilingBytes, seconds, withinSeconds, gap } = toll;
  assert.ok(
    grownBytes <= ceilingBytes,
    `${name}: ${megabytes(grownBytes)} MB more, at most ${megabytes(ceilingBytes)}`,
  );
  assert.ok(seconds <= withinSeconds, `${name}: took ${seconds.toFixed(1)} s, at most ${withinSeconds}`);
  const ownGap = gap?.ownSeconds ?? 0;
  assert.ok(ownGap <= MAX_GAP_SECONDS, `${name}: the neighbour listed nothing for ${ownGap.toFixed(1)} s`);
}

/** One line for each attack: what it has cost, and what it might have. */
export function tollTable(tolls: readonly Toll[]): string {
  const head = ['', 'MB before', 'MB more', 'at most', 'seconds', 'at most', "neighbour's gap in s"];
  const rows = tolls.map((one) => [
    one.name,
    megabytes(one.baseBytes),
    megabytes(one.grownBytes),
    megabytes(one.ceilingBytes),
    one.seconds.toFixed(1),
    String(one.withinSeconds),
    one.gap === null ? '' : one.gap.seconds.toFixed(2),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) => (column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0)))
      .join('  ');
  return [head, ...rows].map((row) => `    ${line(row)}`).join('\n');
}
