import { readdirSync, readFileSync } from 'node:fs';

/** A process of this machine; the time of its start tells it from a later one with the same number. */
export interface RunningProcess {
  readonly pid: number;
  readonly parent: number;
  /** In clock ticks since the machine's start. */
  readonly startedAt: string;
  readonly name: string;
}

/** Reads `/proc/<pid>/stat` (proc(5)); null for a process that is gone or a zombie. @param read the file's text; throws where there is none */
export function readProcess(pid: number, read: (path: string) => string): RunningProcess | null {
  let text: string;
  try {
    text = read(`/proc/${pid}/stat`);
  } catch {
    return null;
  }
  // The name stands in parentheses and may contain any character, parentheses too.
  const end = text.lastIndexOf(')');
  const [state = '', parent = '', ...rest] = text.slice(end + 2).split(' ');
  if (state === 'Z') return null;
  return { pid, parent: Number(parent), startedAt: rest[17] ?? '', name: text.slice(text.indexOf('(') + 1, end) };
}

/** All processes below one, at any depth. */
export function descendantsOf(pid: number): RunningProcess[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name), readText) ?? []);
  const below = (parent: number): RunningProcess[] =>
    all.filter((process) => process.parent === parent).flatMap((process) => [process, ...below(process.pid)]);
  return below(pid);
}

/** Those that still run. */
export function stillRunning(processes: readonly RunningProcess[]): readonly RunningProcess[] {
  return processes.filter(({ pid, startedAt }) => readProcess(pid, readText)?.startedAt === startedAt);
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}
