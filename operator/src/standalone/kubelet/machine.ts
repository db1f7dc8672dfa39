/** A process to start, in a process group of its own. */
export interface ProcessStart {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Everything that it finds in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Takes what it prints on either stream, line by line. */
  readonly onLine: (line: string) => void;
}

/** How a process ended. */
export interface ProcessEnd {
  /** 128 and the signal's number for one that a signal ended. */
  readonly exitCode: number;
}

/** A process that was started, with all that it starts itself. */
export interface LocalProcess {
  readonly pid: number;
  /** Resolves when the process has ended and nothing of its group is left. */
  readonly ended: Promise<ProcessEnd>;
  /** Signals the process alone, as a container's first one; nothing happens after its end. */
  signal(name: 'SIGTERM' | 'SIGQUIT'): void;
  /** SIGKILL to the whole group. */
  kill(): void;
}

/** What the kubelet does to the machine: processes and connections; tests bring their own. */
export interface Machine {
  /** @throws SluiceError PROGRAM_MISSING */
  launch(start: ProcessStart): Promise<LocalProcess>;
  /** Whether a GET is answered with a status from 200 to 399 within the time; never throws. */
  get(url: string, timeoutMs: number): Promise<boolean>;
  /** Whether a TCP connection is taken within the time; never throws. */
  connect(address: string, port: number, timeoutMs: number): Promise<boolean>;
}
