/**
 * Per worker: a viewer has two connections at most, one for media and one for heartbeats, and workers take unequal shares of
 * them; so 10,000 viewers are there at two workers. Each place costs 400 bytes.
 */
const MOST_CONNECTIONS = 16_384;

/** Each connection may have a file open beside its own descriptor. */
const OPEN_FILES_PER_CONNECTION = 2;

/** What each worker of nginx asks the system for. */
export interface WorkerLimits {
  readonly openFiles: number;
  readonly connections: number;
}

/**
 * No more open files than a worker may have: nginx would say `setrlimit(RLIMIT_NOFILE) failed` and keep the lower limit that it
 * was started with. And no more connections than open files, as each has one at least; pure.
 * @param openFilesLimit how many files a process may have open; null: as many as it asks for
 */
export function workerLimits(openFilesLimit: number | null): WorkerLimits {
  const wanted = MOST_CONNECTIONS * OPEN_FILES_PER_CONNECTION;
  const openFiles = Math.min(wanted, openFilesLimit ?? wanted);
  return { openFiles, connections: Math.min(MOST_CONNECTIONS, openFiles) };
}
