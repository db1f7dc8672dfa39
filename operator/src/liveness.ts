/** Bookmarks come about once a minute, and a reflector starts anew after 150 s of silence: this one is stuck. */
const SILENT_SECONDS = 600;
/**
 * While the API server is away a restart mends nothing and would lose what the edges said, so silence of all caches is
 * borne for longer; in the end it may be a fault of this process's connections.
 */
const ALL_SILENT_SECONDS = 1800;
/** Every call of a reconciliation ends within a minute or two: one that takes this long never ends. */
const STUCK_SECONDS = 600;

/** What the life of an operator shows in. Times in ms since the epoch. */
export interface Pulse {
  readonly nowMs: number;
  readonly startedAtMs: number;
  /** When each watch was last heard; 0: never. */
  readonly heardAtMs: Readonly<Record<string, number>>;
  /** For how many seconds each controller has worked on the key that takes longest. */
  readonly workingSeconds: Readonly<Record<string, number>>;
}

/**
 * What only a restart mends; null if nothing. An event loop that hangs needs no word here: the kubelet gets no answer.
 */
export function faultOf({ nowMs, startedAtMs, heardAtMs, workingSeconds }: Pulse): string | null {
  const silences = Object.entries(heardAtMs).map(([name, heardAt]) => ({
    name,
    seconds: Math.floor((nowMs - Math.max(heardAt, startedAtMs)) / 1000),
  }));
  const shortest = Math.min(...silences.map(({ seconds }) => seconds));
  const limitSeconds = shortest < SILENT_SECONDS ? SILENT_SECONDS : ALL_SILENT_SECONDS;
  const silent = silences.find(({ seconds }) => seconds >= limitSeconds);
  if (silent !== undefined) return `the watch of ${silent.name} has been silent for ${silent.seconds} s`;
  const stuck = Object.entries(workingSeconds).find(([, seconds]) => seconds >= STUCK_SECONDS);
  return stuck === undefined ? null : `controller ${stuck[0]} has worked on one object for ${Math.floor(stuck[1])} s`;
}
