import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = 'operator-term';

/**
 * The highest operator term that this edge accepted, in the run directory: a restarted edge still refuses an operator
 * that lost its lease. A missing or unreadable file is term 0.
 */
export class StoredTerm {
  readonly #path: string;
  #highest: number;

  constructor(directory: string) {
    this.#path = join(directory, FILE);
    this.#highest = readTerm(this.#path);
  }

  get highest(): number {
    return this.#highest;
  }

  /** Remembers a term before anything of its operator is obeyed; lower ones change nothing. Terms are rare: synchronous. */
  raise(term: number): void {
    if (term <= this.#highest) return;
    this.#highest = term;
    writeFileSync(`${this.#path}.new`, `${term}\n`);
    renameSync(`${this.#path}.new`, this.#path);
  }
}

function readTerm(path: string): number {
  try {
    const term = Number(readFileSync(path, 'utf8').trim());
    return Number.isSafeInteger(term) && term >= 0 ? term : 0;
  } catch {
    return 0;
  }
}
