/** What a container has printed is kept up to this: some thousand lines, as much as anybody reads. */
const MAX_LENGTH = 1024 * 1024;

/** A line longer than this is cut: programs that print without end must not fill the memory. */
const MAX_LINE_LENGTH = 16 * 1024;

/** The last output of a container, over its restarts; the oldest lines go first. */
export class LogBuffer {
  readonly #lines: string[] = [];
  #length = 0;
  #first = 0;

  /** Adds a line without its line break. */
  add(line: string): void {
    const kept = line.slice(0, MAX_LINE_LENGTH);
    this.#lines.push(kept);
    this.#length += kept.length + 1;
    while (this.#length > MAX_LENGTH) {
      this.#length -= (this.#lines[this.#first] ?? '').length + 1;
      this.#first += 1;
    }
    // Dropping lines one by one would move all others each time.
    if (this.#first > this.#lines.length / 2) {
      this.#lines.splice(0, this.#first);
      this.#first = 0;
    }
  }

  /** All that is kept, each line with its line break. */
  text(): string {
    return this.#lines
      .slice(this.#first)
      .map((line) => `${line}\n`)
      .join('');
  }

  /** The end of it: at most so many lines and characters. */
  tail(lines: number, characters: number): string {
    return this.#lines.slice(this.#first).slice(-lines).join('\n').slice(-characters);
  }
}
