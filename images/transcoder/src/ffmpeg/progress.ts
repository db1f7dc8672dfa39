/** Longest line of progress that is kept: FFmpeg's are under 40 characters. */
const MAX_LINE = 1024;

/** What one block of FFmpeg's `-progress` says. */
export interface Progress {
  /** Newest timestamp written, in seconds of what FFmpeg was fed; null before the first packet. */
  readonly outTimeSeconds: number | null;
}

/** Reads the `key=value` lines of FFmpeg's `-progress`; a block ends with its `progress` line. Bounded by one line. */
export class ProgressReader {
  #rest = '';
  #outTimeSeconds: number | null = null;
  readonly #emit: (progress: Progress) => void;

  constructor(emit: (progress: Progress) => void) {
    this.#emit = emit;
  }

  /** Takes the next text, cut anywhere. */
  push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, MAX_LINE);
    for (const line of lines) this.#readLine(line.trim());
  }

  #readLine(line: string): void {
    const separator = line.indexOf('=');
    const key = line.slice(0, separator);
    if (key === 'out_time_us') {
      const microseconds = Number(line.slice(separator + 1));
      this.#outTimeSeconds = Number.isFinite(microseconds) ? microseconds / 1e6 : null;
    } else if (key === 'progress') this.#emit({ outTimeSeconds: this.#outTimeSeconds });
  }
}
