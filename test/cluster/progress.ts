/** Writes one line for people; the default goes to standard error so that standard output stays for results. */
export type WriteLine = (line: string) => void;

/** Runs named steps one after the other and tells how long each takes. */
export interface Progress {
  /** Runs `work`, saying before it how long it usually takes (left out below 2 s) and after it how long it took. */
  step<T>(title: string, usualSeconds: number, work: () => Promise<T>): Promise<T>;
  /** A line between the steps. */
  note(line: string): void;
}

/** @param now milliseconds, for measuring only */
export function createProgress(
  write: WriteLine = (line) => process.stderr.write(`${line}\n`),
  now: () => number = () => performance.now(),
): Progress {
  return {
    note: write,
    async step(title, usualSeconds, work) {
      if (usualSeconds >= 2) write(`  ${title} (usually ${durationText(usualSeconds)}) ...`);
      const started = now();
      try {
        const result = await work();
        write(`  ${title}: ${durationText((now() - started) / 1000)}`);
        return result;
      } catch (error) {
        write(`  ${title}: FAILED after ${durationText((now() - started) / 1000)}`);
        throw error;
      }
    },
  };
}

/** `0.4 s`, `12 s`, `8 min 49 s`. */
export function durationText(seconds: number): string {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  const whole = Math.round(seconds);
  if (whole < 120) return `${whole} s`;
  return whole % 60 === 0 ? `${whole / 60} min` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
