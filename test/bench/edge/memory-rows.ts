import type { Measurement } from '../statistics.ts';
import { verdict } from './comparison.ts';
import type { Charge } from './memory-cgroup.ts';

/** The goals: bytes without viewers, and for each of them. */
const GOAL_BYTES = 60e6;
const GOAL_BYTES_PER_VIEWER = 1000;

/** Memory of a program at one moment. */
export interface Memory {
  /** Of its cgroup; null where there is none. */
  readonly charge: Charge | null;
  /** As `ps` says: with the text of Node.js, which all programs of a node share that run the same file. */
  readonly residentBytes: number;
  /** What of it no file holds as well. */
  readonly anonymousBytes: number;
}

/** Memory with so many viewers known. */
export interface Known {
  readonly viewers: number;
  readonly memory: Memory;
}

/** What a run has seen of the sidecar, and of a program that does nothing with node:http. */
export interface SeenMemory {
  readonly bare: Memory;
  /** Before anybody came. */
  readonly atStart: Memory;
  readonly few: Known;
  /** After heartbeats of few ids: from here on it is viewers alone that are added. */
  readonly warm: { readonly heartbeats: number; readonly ids: number; readonly memory: Memory };
  readonly many: readonly Known[];
}

/**
 * The lines of the table. The goal is for what Kubernetes charges the container with: its working set, by which it is
 * shown, limited and evicted. Where it cannot be measured, what is resident has to do, which is always more.
 */
export function rowsOfMemory({ bare, atStart, few, warm, many }: SeenMemory): Measurement[] {
  const row = (when: string, memory: Memory, viewers: number, more = ''): Measurement => ({
    what: `memory of the sidecar, ${when}: ${memory.charge === null ? '' : 'working set, '}resident, private`,
    measured: `${textOf(memory)}${more}`,
    reference: '',
    goal: goalText(memory, GOAL_BYTES + viewers * GOAL_BYTES_PER_VIEWER),
  });
  return [
    { ...row('started', atStart, 0), reference: `bare node:http: ${textOf(bare)}` },
    row(`${few.viewers} viewers`, few.memory, few.viewers),
    row(`after ${count(warm.heartbeats)} heartbeats of ${warm.ids} ids`, warm.memory, warm.ids),
    ...many.map(({ viewers, memory }) => {
      const bytes = (judgedBytes(memory) - judgedBytes(warm.memory)) / viewers;
      return row(`${count(viewers)} heartbeats' ids`, memory, viewers, `: ${bytes.toFixed(0)} bytes per viewer`);
    }),
  ];
}

/** What the goal is for. */
function judgedBytes({ charge, residentBytes }: Memory): number {
  return charge?.workingSetBytes ?? residentBytes;
}

function goalText(memory: Memory, goalBytes: number): string {
  const judged = memory.charge === null ? 'resident, as there is NO CGROUP to ask for the working set' : 'working set';
  return `${megabytes(goalBytes)} ${judged}, ${verdict(judgedBytes(memory) <= goalBytes)}`;
}

function textOf({ charge, residentBytes, anonymousBytes }: Memory): string {
  const own = `${megabytes(residentBytes)}, ${megabytes(anonymousBytes)}`;
  if (charge === null) return own;
  return `${megabytes(charge.workingSetBytes)} (and ${megabytes(charge.inactiveFileBytes)} of files, inactive), ${own}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function count(number: number): string {
  return number.toLocaleString('en');
}
