import { SluiceError } from '@sluice/common/errors/error.ts';
import type { LocalProcess, Machine, ProcessStart } from './machine.ts';

/** A process that does what the test says. */
export class FakeProcess implements LocalProcess {
  readonly start: ProcessStart;
  readonly pid: number;
  readonly signals: string[] = [];
  readonly #end = Promise.withResolvers<number>();
  readonly ended = this.#end.promise;

  constructor(start: ProcessStart, pid: number) {
    this.start = start;
    this.pid = pid;
  }

  #isOver = false;

  exit(exitCode: number): void {
    this.#isOver = true;
    this.#end.resolve(exitCode);
  }

  signal(name: string): void {
    this.signals.push(name);
  }

  kill(): void {
    if (this.#isOver) return;
    this.signals.push('SIGKILL');
    this.exit(137);
  }
}

/** A machine for tests of the kubelet: it starts nothing, and answers probes as the test says. */
export class FakeMachine implements Machine {
  readonly processes: FakeProcess[] = [];
  /** Paths that are answered with 200. */
  readonly healthy = new Set<string>();
  missing = '';
  /** What a start takes. */
  starting = async (): Promise<void> => {};

  async launch(start: ProcessStart): Promise<LocalProcess> {
    await this.starting();
    if (start.command[0] === this.missing) {
      throw new SluiceError(`${this.missing} is not installed`, { code: 'PROGRAM_MISSING', retryable: true });
    }
    const process = new FakeProcess(start, 100 + this.processes.length);
    this.processes.push(process);
    return process;
  }

  async get(url: string): Promise<boolean> {
    return this.healthy.has(url);
  }

  /** The commands that were started, in order. */
  get commands(): readonly string[] {
    return this.processes.map(({ start }) => start.command.join(' '));
  }

  process(command: string): FakeProcess {
    const found = this.processes.findLast(({ start }) => start.command.join(' ') === command);
    if (found === undefined) throw new Error(`${command} was never started; there are ${this.commands.join(', ')}`);
    return found;
  }
}
