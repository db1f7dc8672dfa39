import { spawn } from 'node:child_process';
import { SluiceError } from '@sluice/common/errors/error.ts';

/** How {@link run} starts a command. */
export interface CommandOptions {
  readonly cwd?: string;
  /** This program's own environment if left out. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Text for the command's standard input; empty if left out. */
  readonly input?: string;
  /** Killed after this; default 1200 s, longer than the longest build. */
  readonly timeoutSeconds?: number;
}

/** Enough for every answer we parse (`kubectl get -o json`), small enough for a runaway command. */
const OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024;
/** The end of a log is where its error stands. */
const ERROR_TAIL_LINES = 25;

/**
 * Runs a program to its end and returns its standard output.
 * @throws SluiceError `COMMAND_MISSING` if there is no such program, `COMMAND_FAILED` with the last lines of its
 *   output if it exits with anything but 0, prints more than 16 MiB or runs longer than allowed.
 */
export async function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const child = spawn(program, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.environment === undefined ? {} : { env: { ...options.environment } }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // Not spawn's own time-out: where there is no such program it goes on, and keeps this one from ending.
  const limit = setTimeout(() => child.kill('SIGKILL'), (options.timeoutSeconds ?? 1200) * 1000);
  const output: Buffer[] = [];
  const complaints: Buffer[] = [];
  let bytes = 0;
  const keep = (list: Buffer[]) => (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > OUTPUT_LIMIT_BYTES) child.kill('SIGKILL');
    else list.push(chunk);
  };
  child.stdout.on('data', keep(output));
  child.stderr.on('data', keep(complaints));
  // A program that exits without reading its input closes the pipe; its exit code says what matters.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const exit = await new Promise<number | string>((resolve, reject) => {
    child.on('error', (error) => reject(missing(program, error)));
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  }).finally(() => clearTimeout(limit));
  const text = Buffer.concat(output).toString('utf8');
  if (exit === 0) return text;
  const tail = `${text}\n${Buffer.concat(complaints).toString('utf8')}`.trim().split('\n').slice(-ERROR_TAIL_LINES);
  throw new SluiceError(`${program} ${args.slice(0, 4).join(' ')} ended with ${exit}:\n${tail.join('\n')}`, {
    code: 'COMMAND_FAILED',
    retryable: false,
  });
}

/** True if the command ends with 0; every failure, a missing program included, is false. */
export async function succeeds(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<boolean> {
  try {
    await run(program, args, options);
    return true;
  } catch {
    return false;
  }
}

function missing(program: string, cause: Error): SluiceError {
  return new SluiceError(`cannot start ${program}`, { code: 'COMMAND_MISSING', retryable: false, cause });
}
