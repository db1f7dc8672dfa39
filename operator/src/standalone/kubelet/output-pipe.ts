import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A longer line is given in pieces: programs that print without end must not fill the memory. */
const MAX_LINE_LENGTH = 16 * 1024;

/** Cuts text that comes in pieces into lines. */
export class LineCutter {
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  take(text: string): void {
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
    while (this.#rest.length > MAX_LINE_LENGTH) {
      this.#onLine(this.#rest.slice(0, MAX_LINE_LENGTH));
      this.#rest = this.#rest.slice(MAX_LINE_LENGTH);
    }
  }

  /** Gives what stands after the last line break. */
  end(): void {
    if (this.#rest !== '') this.#onLine(this.#rest);
    this.#rest = '';
  }
}

/** A pipe that a process prints into. */
export interface OutputPipe {
  /** File descriptor for the process; closed by {@link OutputPipe.started}. */
  readonly writeEnd: number;
  /** Resolves when nobody can write any more and every line has been given. */
  readonly ended: Promise<void>;
  /** The process has its end now, or there will be none. */
  started(): void;
}

/**
 * Makes a pipe whose lines go to `onLine`. Node's own are sockets: a program that opens /dev/stdout, as nginx does for
 * its access log, cannot open those. So this is a FIFO without a name.
 */
export async function openOutputPipe(onLine: (line: string) => void): Promise<OutputPipe> {
  const path = join(tmpdir(), `sluice-pipe-${randomUUID()}`);
  await promisify(execFile)('mkfifo', ['-m', '600', path]);
  // The reading end first: opening the other one waits for it.
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeEnd = openSync(path, constants.O_WRONLY);
  unlinkSync(path);
  const reader = new Socket({ fd: readEnd, readable: true, writable: false });
  const lines = new LineCutter(onLine);
  reader.setEncoding('utf8').on('data', (text: string) => lines.take(text));
  const ended = new Promise<void>((resolve) => {
    reader.on('close', () => {
      lines.end();
      resolve();
    });
  });
  reader.on('error', () => reader.destroy());
  return { writeEnd, ended, started: () => closeSync(writeEnd) };
}
