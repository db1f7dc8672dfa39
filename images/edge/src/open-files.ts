import { readFileSync } from 'node:fs';

/** What the kernel lets this process have (proc(5)). */
const LIMITS_FILE = '/proc/self/limits';

/**
 * The hard limit of open files in the text of /proc/PID/limits; pure.
 * @returns null where it is unlimited, or the text does not say
 */
export function parseOpenFilesLimit(text: string): number | null {
  const hard = /^Max open files +\S+ +(\d+) /m.exec(text)?.[1];
  return hard === undefined ? null : Number(hard);
}

/**
 * The hard limit of open files of this process. Containers of a pod get theirs from the same runtime, so nginx has it as well.
 * @returns null where there is none, or the system does not tell
 */
export function readOpenFilesLimit(): number | null {
  try {
    return parseOpenFilesLimit(readFileSync(LIMITS_FILE, 'utf8'));
  } catch {
    return null;
  }
}
