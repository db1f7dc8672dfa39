import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

/** Name of the file in the run directory to which nginx writes the polls that it has answered. */
export const POLL_LOG = 'polls.log';
/** A line of it, as nginx formats it: when, which playlist, who. */
export const POLL_FORMAT = '$msec $uri $arg_session';
/** About 600 lines: a batch that takes a millisecond. */
const BATCH_BYTES = 64 * 1024;
/** What has been read is dropped from this size on, while lines come all the time. */
const KEPT_BYTES = 1024 * 1024;
/** Looks without a line after which what has been read is dropped at any size: nothing keeps the ids of those who are gone. */
const QUIET_LOOKS = 10;
/** No line is longer: a URL has 8 kB at most. */
const MAX_LINE_CHARACTERS = 8192;

const LINE = /^(\d{1,12}\.\d{3}) \/live\/([^/ ]+\/[^/ ]+)\/([^/ ]+)\.m3u8 ([A-Za-z0-9._~-]{1,128})$/;

/** A media playlist that nginx has sent to a viewer. */
export interface AnsweredPoll {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** `<namespace>/<channel>`. */
  readonly key: string;
  readonly rung: string;
  readonly session: string;
}

/** Reads a line of the log; null for what is none, such as half a line. */
export function parsePoll(line: string): AnsweredPoll | null {
  const [, seconds, key, rung, session] = LINE.exec(line) ?? [];
  if (seconds === undefined || key === undefined || rung === undefined || session === undefined) return null;
  return { atMs: Number(seconds) * 1000, key, rung, session };
}

/** The log of polls, read as it grows. nginx appends to it; what was read is dropped, so that it stays small. */
export class PollLog {
  readonly #path: string;
  readonly #buffer = Buffer.allocUnsafe(BATCH_BYTES);
  #file: FileHandle | null = null;
  #offset = 0;
  /** Looks since the last line. */
  #quietLooks = 0;
  /** The beginning of a line whose end has not been read yet. */
  #half = '';

  constructor(runDirectory: string) {
    this.#path = join(runDirectory, POLL_LOG);
  }

  /** Makes the file, or empties that of an earlier run, which nginx may hold open: who watches asks again in a moment. */
  async open(): Promise<void> {
    this.#file = await open(this.#path, 'a+', 0o600);
    await this.#file.truncate(0);
  }

  /** Calls `take` with what has come since, in batches. */
  async read(take: (polls: readonly AnsweredPoll[]) => void): Promise<void> {
    const file = this.#file;
    if (file === null) return;
    this.#quietLooks += 1;
    for (;;) {
      const { bytesRead } = await file.read(this.#buffer, 0, BATCH_BYTES, this.#offset);
      if (bytesRead === 0) break;
      this.#offset += bytesRead;
      this.#quietLooks = 0;
      take(this.#parse(this.#buffer.toString('latin1', 0, bytesRead)));
    }
    const isQuiet = this.#offset > 0 && this.#quietLooks >= QUIET_LOOKS;
    if (this.#offset < KEPT_BYTES && !isQuiet) return;
    // A line that comes between the last look and this is lost; its viewer is known by the polls around it.
    await file.truncate(0);
    this.#offset = 0;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
  }

  #parse(text: string): readonly AnsweredPoll[] {
    const lines = (this.#half + text).split('\n');
    this.#half = (lines.pop() ?? '').slice(0, MAX_LINE_CHARACTERS);
    return lines.map(parsePoll).filter((poll) => poll !== null);
  }
}
